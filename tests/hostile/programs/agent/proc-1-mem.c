/* SPDX-License-Identifier: MIT */
/* Whoever writes there forges every verdict. */
#include "hostile.h"

HOSTILE(proc_1_mem, STOPPED)
{
	return opens("/proc/1/mem", O_RDWR) == GOT ? GOT : opens("/proc/1/mem", O_WRONLY);
}
