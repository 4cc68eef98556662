/* SPDX-License-Identifier: MIT */
/* A forged siginfo, as if from the kernel. */
#include "hostile.h"

HOSTILE(sigqueue_1, STOPPED)
{
	siginfo_t info = { .si_signo = SIGCHLD, .si_code = SI_QUEUE };

	return succeeded(syscall(SYS_rt_sigqueueinfo, 1, SIGCHLD, &info));
}
