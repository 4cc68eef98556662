/* SPDX-License-Identifier: MIT */
/* The end of its output is not its end. */
#include "hostile.h"

HOSTILE(closed_stdout, "wall_time_limit limit=wall_ms uncaged=no")
{
	(void)close(0);
	(void)close(1);
	(void)close(2);
	wait_for_ever();
}
