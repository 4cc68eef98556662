/* SPDX-License-Identifier: MIT */
/* Each a little, all of them a lot. */
#include "hostile.h"

HOSTILE(cpu_in_children, "cpu_time_limit limit=cpu_ms task=burning")
{
	for (int n = 0; n < 20; n++) {
		pid_t pid = fork();

		if (pid == 0) {
			burn(200);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
	return GOT;
}
