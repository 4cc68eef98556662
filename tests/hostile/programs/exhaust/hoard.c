/* SPDX-License-Identifier: MIT */
/* More memory than the container may have, the agent's reserve and all. */
#include "hostile.h"

HOSTILE(hoard, "memory_limit limit=memory_bytes task=burning")
{
	char *all = mmap(NULL, 400 * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (all == MAP_FAILED)
		return stopped(strerror(errno));
	for (size_t i = 0; i < 400 * MIB; i += 4096)
		all[i] = 1;
	return GOT;
}
