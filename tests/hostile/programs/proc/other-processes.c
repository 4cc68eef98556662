/* SPDX-License-Identifier: MIT */
/* What others were started with may be a secret. */
#include "hostile.h"

HOSTILE(other_processes, STOPPED)
{
	char path[64], byte;

	for (pid_t pid = 1; pid < 4000; pid++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/environ", pid);
		fd = pid == getpid() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, &byte, 1) >= 0)
			return GOT;
	}
	return stopped("none");
}
