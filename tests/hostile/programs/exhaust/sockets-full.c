/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(sockets_full, STOPPED " uncaged=no")
{
	static char block[1 << 16];

	for (int n = 0; n < 4096; n++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
			return stopped(strerror(errno));
		while (write(ends[0], block, sizeof(block)) > 0)
			;
	}
	return GOT;
}
