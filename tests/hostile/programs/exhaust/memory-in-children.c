/* SPDX-License-Identifier: MIT */
/* Each below the limit, all together above it. */
#include "hostile.h"

HOSTILE(memory_in_children, "memory_limit limit=memory_bytes")
{
	for (int n = 0; n < 16; n++)
		if (fork() == 0) {
			volatile char *p = malloc(16 * MIB);

			for (size_t i = 0; p != NULL && i < 16 * MIB; i += 4096)
				p[i] = 1;
			(void)pause();
			_exit(0);
		}
	nap(1500);
	return kill(0, 0) == 0 ? GOT : NOT;
}
