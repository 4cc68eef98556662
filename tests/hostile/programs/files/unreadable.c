/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unreadable, "ok task=collecting uncaged=no")
{
	return make_file("x.out", "x", 1) == 0 && chmod("x.out", 0) == 0 ? GOT : NOT;
}
