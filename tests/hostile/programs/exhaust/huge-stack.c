/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <alloca.h>

HOSTILE(huge_stack, "memory_limit limit=memory_bytes uncaged=no")
{
	volatile char *p = alloca(512 * MIB);

	for (size_t i = 512 * MIB; i > 0; i -= 4096)
		p[i - 1] = 1;
	return GOT;
}
