/* SPDX-License-Identifier: MIT */
/* The runtime, or the agent, overwritten through its own link. */
#include "hostile.h"

HOSTILE(proc_1_exe, STOPPED)
{
	int fd = open("/proc/1/exe", O_RDONLY | O_CLOEXEC);

	return reached(fd);
}
