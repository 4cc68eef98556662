/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(stop_itself, "wall_time_limit limit=wall_ms uncaged=no")
{
	(void)kill(getpid(), SIGSTOP);
	return GOT;
}
