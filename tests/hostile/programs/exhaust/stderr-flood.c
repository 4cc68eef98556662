/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(stderr_flood, "ok exit=0")
{
	static char block[65536];

	for (int n = 0; n < 512; n++)
		if (write(2, block, sizeof(block)) <= 0)
			return NOT;
	return GOT;
}
