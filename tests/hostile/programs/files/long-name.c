/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(long_name, "ok files=1 task=collecting")
{
	char name[256];

	memset(name, 'n', 251);
	(void)strcpy(name + 251, ".out");
	return make_file(name, "x", 1) == 0 ? GOT : NOT;
}
