/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(proc_1_environ, STOPPED)
{
	return opens("/proc/1/environ", O_RDONLY);
}
