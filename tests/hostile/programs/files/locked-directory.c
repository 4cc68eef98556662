/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(locked_directory, "ok task=collecting uncaged=no")
{
	return mkdir("d", 0755) == 0 && make_file("d/x.out", "x", 1) == 0 && chmod("d", 0) == 0
		       ? GOT
		       : NOT;
}
