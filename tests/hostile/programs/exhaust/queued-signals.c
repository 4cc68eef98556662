/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(queued_signals, STOPPED)
{
	union sigval value = { 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGRTMIN);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	for (int n = 0; n < 20000; n++)
		if (sigqueue(getpid(), SIGRTMIN, value) < 0)
			return stopped(strerror(errno));
	return GOT;
}
