/* SPDX-License-Identifier: MIT */
/* Threads on all of the machine's processors leave none to the neighbours while a quota lasts. */
#include "hostile.h"

HOSTILE(every_processor, STOPPED)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return succeeded(sched_setaffinity(0, sizeof(all), &all));
}
