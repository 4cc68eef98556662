/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(memory_shared, "memory_limit limit=memory_bytes")
{
	char *p = mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return stopped(strerror(errno));
	for (size_t n = 0; n < 512; n++)
		memset(p + n * MIB, 1, MIB);
	return GOT;
}
