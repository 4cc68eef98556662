/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(timers, STOPPED)
{
	timer_t timer;
	struct sigevent none = { .sigev_notify = SIGEV_NONE };

	for (int n = 0; n < 20000; n++)
		if (timer_create(CLOCK_MONOTONIC, &none, &timer) < 0)
			return stopped(strerror(errno));
	return GOT;
}
