/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(timer_list, STOPPED)
{
	return opens("/proc/timer_list", O_RDONLY);
}
