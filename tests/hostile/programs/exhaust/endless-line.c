/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(endless_line, "ok exit=0")
{
	static char block[65536];

	memset(block, 'a', sizeof(block));
	for (int n = 0; n < 160; n++)
		if (write(1, block, sizeof(block)) <= 0)
			return NOT;
	return GOT;
}
