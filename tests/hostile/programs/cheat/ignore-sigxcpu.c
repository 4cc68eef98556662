/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ignore_sigxcpu, "cpu_time_limit limit=cpu_ms task=burning")
{
	(void)signal(SIGXCPU, SIG_IGN);
	(void)signal(SIGALRM, SIG_IGN);
	burn(4000);
	return GOT;
}
