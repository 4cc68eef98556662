/* SPDX-License-Identifier: MIT */
/* The end of its output does not come. */
#include "hostile.h"

HOSTILE(orphan_holds_stdout, "ok exit=0 uncaged=no")
{
	if (fork() == 0) {
		(void)setsid();
		for (;;)
			(void)pause();
	}
	(void)printf("bye\n");
	return GOT;
}
