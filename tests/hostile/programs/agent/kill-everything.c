/* SPDX-License-Identifier: MIT */
/* All that it may kill; the job still gets its verdict. */
#include "hostile.h"

HOSTILE(kill_everything, "nonzero_exit exit=7 uncaged=no")
{
	pid_t pid = fork();

	if (pid == 0)
		(void)pause();
	(void)kill(-1, SIGKILL);
	(void)kill(-1, SIGSTOP);
	return 7;
}
