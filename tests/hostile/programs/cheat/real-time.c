/* SPDX-License-Identifier: MIT */
/* A real-time process gives the processor to nobody. */
#include "hostile.h"

HOSTILE(real_time, STOPPED)
{
	struct sched_param top = { .sched_priority = 1 };

	return succeeded(sched_setscheduler(0, SCHED_FIFO, &top));
}
