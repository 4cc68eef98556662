/* SPDX-License-Identifier: MIT */
/* Each child does the same, for ever. Those that are dying hold memory, too. */
#include "hostile.h"

HOSTILE(fork_tree, "process_limit|memory_limit|cpu_time_limit|wall_time_limit uncaged=no")
{
	for (;;)
		if (fork() < 0 && getpid() % 7 == 0)
			return 1;
}
