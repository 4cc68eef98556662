/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(output_flood, "ok exit=0")
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (int n = 0; n < 512; n++)
		if (write(1, block, sizeof(block)) <= 0)
			return NOT;
	return GOT;
}
