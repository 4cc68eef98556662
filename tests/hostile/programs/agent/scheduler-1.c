/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(scheduler_1, STOPPED)
{
	struct sched_param none = { 0 };

	return succeeded(sched_setscheduler(1, SCHED_IDLE, &none));
}
