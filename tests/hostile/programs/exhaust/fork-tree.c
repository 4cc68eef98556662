/* SPDX-License-Identifier: MIT */
/* Each child does the same, for ever. */
#include "hostile.h"

HOSTILE(fork_tree, "process_limit|cpu_time_limit|wall_time_limit uncaged=no")
{
	for (;;)
		if (fork() < 0 && getpid() % 7 == 0)
			return 1;
}
