/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(locked_workspace, "ok task=collecting uncaged=no")
{
	return make_file("x.out", "x", 1) == 0 && (chmod(".", 0) == 0 || errno == EPERM) ? GOT
											 : NOT;
}
