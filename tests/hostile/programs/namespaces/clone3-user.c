/* SPDX-License-Identifier: MIT */
/* A filter cannot look behind the pointer: the call must not be there. */
#include "hostile.h"

HOSTILE(clone3_user, STOPPED)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return reached(pid);
}
