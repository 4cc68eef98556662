/* SPDX-License-Identifier: MIT */
/* A frozen agent sees no limit pass. */
#include "hostile.h"

HOSTILE(ptrace_attach, STOPPED)
{
	long r = ptrace(PTRACE_ATTACH, 1, NULL, NULL);

	if (r == 0) {
		(void)waitpid(1, NULL, __WALL);
		(void)ptrace(PTRACE_DETACH, 1, NULL, NULL);
	}
	return reached(r);
}
