/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(names_with_newlines, "ok task=collecting")
{
	return make_file("a\nHTTP 200 OK.out", "x", 1) == 0 && make_file("b\r\n.out", "x", 1) == 0
		       ? GOT
		       : NOT;
}
