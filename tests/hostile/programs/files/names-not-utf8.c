/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(names_not_utf8, "ok task=collecting")
{
	return make_file("\xff\xfe\xc0\x80.out", "x", 1) == 0 &&
			       make_file("\x1b[2J.out", "x", 1) == 0
		       ? GOT
		       : NOT;
}
