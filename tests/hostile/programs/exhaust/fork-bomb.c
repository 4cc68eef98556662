/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(fork_bomb, "process_limit limit=processes")
{
	for (int n = 0; n < 400; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return stopped(strerror(errno));
		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
	}
	return GOT;
}
