/* SPDX-License-Identifier: MIT */
/* A few more processes than the job may have, fewer than its container. */
#include "hostile.h"

HOSTILE(one_too_many, "process_limit|nonzero_exit exit=1 task=burning")
{
	for (int i = 0; i < 44; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return stopped(strerror(errno));
		if (pid == 0)
			wait_for_ever();
	}
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	return GOT;
}
