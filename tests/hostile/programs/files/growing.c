/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(growing, "ok task=collecting uncaged=no")
{
	int fd = open("x.out", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fork() == 0) {
		(void)setsid();
		for (;;)
			if (write(fd, "x", 1) < 0)
				nap(1);
	}
	nap(20);
	return GOT;
}
