/* SPDX-License-Identifier: MIT */
/* Memory of the kernel's that no process has. */
#include "hostile.h"

HOSTILE(pipes_full, STOPPED " uncaged=no")
{
	static char block[1 << 20];

	for (int n = 0; n < 4096; n++) {
		int ends[2];

		if (pipe2(ends, O_NONBLOCK) < 0)
			return stopped(strerror(errno));
		(void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
		put(ends[1], block, sizeof(block));
	}
	return GOT;
}
