/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(fill_workspace, "disk_limit limit=disk_bytes")
{
	static char block[1 << 20];
	int fd = open("big", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	for (int n = 0; n < 64; n++) {
		if (n % 4 == 3) {
			char name[16];

			(void)close(fd);
			(void)snprintf(name, sizeof(name), "big%d", n);
			fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		}
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return stopped(strerror(errno));
	}
	return GOT;
}
