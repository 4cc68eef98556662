/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(pidfd_signal, STOPPED)
{
	long pidfd = syscall(SYS_pidfd_open, 1, 0);

	return pidfd < 0 ? reached(pidfd)
			 : succeeded(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
}
