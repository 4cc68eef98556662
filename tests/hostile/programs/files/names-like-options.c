/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(names_like_options, "ok files=3 task=collecting")
{
	return make_file("-rf.out", "x", 1) == 0 && make_file("--help.out", "x", 1) == 0 &&
			       make_file("$(id).out", "x", 1) == 0
		       ? GOT
		       : NOT;
}
