/* SPDX-License-Identifier: MIT */
/* Deeper than a path can say. */
#include "hostile.h"

HOSTILE(directory_depth, "ok uncaged=no")
{
	int n = 0;

	while (n < 4000 && mkdir("d", 0755) == 0 && chdir("d") == 0)
		n++;
	(void)printf("%d\n", n);
	return GOT;
}
