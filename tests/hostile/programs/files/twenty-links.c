/* SPDX-License-Identifier: MIT */
/* One file twenty times over. */
#include "hostile.h"

HOSTILE(twenty_links, "ok files=1 task=collecting")
{
	if (make_file("real.out", "x", 1) < 0)
		return NOT;
	for (int n = 0; n < 20; n++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "x%d.out", n);
		if (symlink("real.out", name) < 0)
			return NOT;
	}
	return GOT;
}
