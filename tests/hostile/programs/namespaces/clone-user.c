/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(clone_user, STOPPED)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		_exit(0);
	return reached(pid);
}
