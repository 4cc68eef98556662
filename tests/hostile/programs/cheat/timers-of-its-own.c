/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <sys/time.h>

HOSTILE(timers_of_its_own, "wall_time_limit limit=wall_ms uncaged=no")
{
	struct itimerval every = { .it_interval = { .tv_usec = 100 },
		.it_value = { .tv_usec = 100 } };

	(void)signal(SIGALRM, SIG_IGN);
	(void)setitimer(ITIMER_REAL, &every, NULL);
	wait_for_ever();
}
