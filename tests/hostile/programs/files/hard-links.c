/* SPDX-License-Identifier: MIT */
/* Neither of two names of one file is taken. */
#include "hostile.h"

HOSTILE(hard_links, "ok files=0 task=collecting uncaged=no")
{
	return make_file("x.out", "x", 1) == 0 && link("x.out", "y.out") == 0 ? GOT : NOT;
}
