/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(stop_everything, "wall_time_limit limit=wall_ms uncaged=no")
{
	(void)kill(-1, SIGSTOP);
	(void)kill(0, SIGSTOP);
	wait_for_ever();
}
