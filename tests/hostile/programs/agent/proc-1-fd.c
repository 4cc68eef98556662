/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_fd, STOPPED)
{
	return reached(open("/proc/1/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK));
}
