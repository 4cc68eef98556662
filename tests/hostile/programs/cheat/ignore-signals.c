/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ignore_signals, "wall_time_limit limit=wall_ms uncaged=no")
{
	for (int signo = 1; signo < 65; signo++)
		(void)signal(signo, SIG_IGN);
	wait_for_ever();
}
