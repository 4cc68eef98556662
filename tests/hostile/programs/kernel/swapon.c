/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(swapon, STOPPED)
{
	return reached(syscall(SYS_swapon, "/proc/self/exe", 0));
}
