/* SPDX-License-Identifier: MIT */
/* One name that is now a file and now a link, to the very end. */
#include "hostile.h"

HOSTILE(swap_race, "ok task=collecting uncaged=no")
{
	if (make_file("x.out", "mine", 4) < 0 || symlink("/etc/passwd", "link") < 0)
		return NOT;
	if (fork() == 0) {
		(void)setsid();
		for (;;)
			(void)syscall(SYS_renameat2, AT_FDCWD, "x.out", AT_FDCWD, "link", 2);
	}
	nap(50);
	return GOT;
}
