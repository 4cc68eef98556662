/* SPDX-License-Identifier: MIT */
/* A traced child can be held between life and death. */
#include "hostile.h"

HOSTILE(trace_its_child, STOPPED)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	return reached(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}
