/* SPDX-License-Identifier: MIT */
/* Somewhat more memory than the job may have, less than its container: its end is a success. */
#include "hostile.h"

HOSTILE(a_little_more, "memory_limit limit=memory_bytes task=burning")
{
	char *all =
		mmap(NULL, 80 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return stopped(strerror(errno));
	for (size_t i = 0; i < 80 * MIB; i += 4096)
		all[i] = 1;
	return GOT;
}
