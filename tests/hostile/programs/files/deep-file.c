/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(deep_file, "ok files=0 task=collecting uncaged=no")
{
	for (int n = 0; n < 3000; n++)
		if (mkdir("d", 0755) < 0 || chdir("d") < 0)
			break;
	return make_file("x.out", "x", 1) == 0 || errno == ENOSPC ? GOT : NOT;
}
