/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_root, STOPPED)
{
	return reached(open("/proc/1/root/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
