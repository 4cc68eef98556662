/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(memory_populate, "memory_limit limit=memory_bytes")
{
	void *p = mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return stopped(strerror(errno));
	memset(p, 1, 512 * MIB);
	return GOT;
}
