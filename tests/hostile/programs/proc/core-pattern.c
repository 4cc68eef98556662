/* SPDX-License-Identifier: MIT */
/* A program of the host's that any crash would start. */
#include "hostile.h"

HOSTILE(core_pattern, STOPPED)
{
	return reached(open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC));
}
