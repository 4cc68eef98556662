/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(memory_heap, "memory_limit limit=memory_bytes")
{
	for (size_t n = 0; n < 512; n++) {
		char *p = malloc(MIB);

		if (p == NULL)
			return stopped("no memory");
		memset(p, (int)n + 1, MIB);
	}
	return GOT;
}
