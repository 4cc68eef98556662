/* SPDX-License-Identifier: MIT */
/* Files without a byte: they are memory, too. */
#include "hostile.h"

HOSTILE(inode_bomb, "disk_limit limit=disk_bytes")
{
	for (int n = 0; n < 200000; n++) {
		char name[32];
		int fd;

		(void)snprintf(name, sizeof(name), "f%d", n);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return stopped(strerror(errno));
		(void)close(fd);
	}
	return GOT;
}
