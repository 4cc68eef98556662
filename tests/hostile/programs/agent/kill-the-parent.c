/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kill_the_parent, "nonzero_exit exit=7 uncaged=no")
{
	for (pid_t pid = 1; pid < 64; pid++)
		if (pid != getpid())
			(void)kill(pid, SIGKILL);
	return 7;
}
