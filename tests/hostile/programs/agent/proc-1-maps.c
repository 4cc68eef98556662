/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_maps, STOPPED)
{
	return opens("/proc/1/maps", O_RDONLY);
}
