/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(output_flood_killed, "output_limit limit=output_bytes task=killed uncaged=no")
{
	static char block[65536];

	memset(block, 'x', sizeof(block));
	for (;;)
		if (write(1, block, sizeof(block)) <= 0)
			return NOT;
}
