/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_namespace, STOPPED)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? reached(fd) : reached(syscall(SYS_setns, fd, 0));
}
