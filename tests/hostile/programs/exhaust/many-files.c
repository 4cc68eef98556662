/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(many_files, "ok files=50 task=collecting uncaged=no")
{
	for (int n = 0; n < 10000; n++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "f%d.out", n);
		if (make_file(name, "x", 1) < 0)
			break;
	}
	return GOT;
}
