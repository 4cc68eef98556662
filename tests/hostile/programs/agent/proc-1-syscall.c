/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_syscall, STOPPED)
{
	return opens("/proc/1/syscall", O_RDONLY);
}
