/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(pidfd_getfd, STOPPED)
{
	long pidfd = syscall(SYS_pidfd_open, 1, 0);

	return pidfd < 0 ? reached(pidfd) : reached(syscall(SYS_pidfd_getfd, pidfd, 1, 0));
}
