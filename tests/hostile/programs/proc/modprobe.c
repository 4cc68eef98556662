/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(modprobe, STOPPED " uncaged=no")
{
	return reached(open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC));
}
