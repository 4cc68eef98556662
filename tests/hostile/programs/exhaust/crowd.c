/* SPDX-License-Identifier: MIT */
/* More processes than the container may have, the agent's reserve and all. */
#include "hostile.h"

HOSTILE(crowd, "process_limit limit=processes task=burning")
{
	pid_t pid;

	for (int i = 0; i < 300; i++) {
		pid = fork();
		if (pid < 0)
			return stopped(strerror(errno));
		if (pid == 0)
			wait_for_ever();
	}
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(0, SIGTERM);
	return GOT;
}
