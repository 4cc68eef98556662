/* SPDX-License-Identifier: MIT */
/* It lives on when its parent has ended. */
#include "hostile.h"

HOSTILE(double_fork, "ok exit=0 uncaged=no")
{
	if (fork() == 0) {
		(void)setsid();
		(void)signal(SIGTERM, SIG_IGN);
		(void)signal(SIGHUP, SIG_IGN);
		if (fork() == 0)
			for (;;)
				(void)pause();
		_exit(0);
	}
	return GOT;
}
