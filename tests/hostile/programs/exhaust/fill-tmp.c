/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(fill_tmp, "disk_limit limit=disk_bytes")
{
	static char block[1 << 20];

	for (int n = 0; n < 64; n++) {
		char name[32];
		int fd;

		(void)snprintf(name, sizeof(name), "/tmp/hostile-%d", n);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return stopped(strerror(errno));
		(void)close(fd);
	}
	return GOT;
}
