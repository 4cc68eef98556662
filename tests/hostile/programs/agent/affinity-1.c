/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(affinity_1, STOPPED)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return succeeded(sched_setaffinity(1, sizeof(one), &one));
}
