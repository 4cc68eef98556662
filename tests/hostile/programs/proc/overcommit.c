/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(overcommit, STOPPED)
{
	return reached(open("/proc/sys/vm/overcommit_memory", O_WRONLY | O_CLOEXEC));
}
