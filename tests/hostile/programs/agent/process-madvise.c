/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(process_madvise, STOPPED)
{
	long pidfd = syscall(SYS_pidfd_open, 1, 0);
	struct iovec page = { NULL, 4096 };

	return pidfd < 0 ? reached(pidfd)
			 : reached(syscall(SYS_process_madvise, pidfd, &page, 1, MADV_COLD, 0));
}
