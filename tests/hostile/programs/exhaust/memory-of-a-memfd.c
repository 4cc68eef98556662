/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(memory_of_a_memfd, "disk_limit limit=file_bytes")
{
	int fd = (int)syscall(SYS_memfd_create, "m", 0);
	static char block[1 << 20];

	memset(block, 1, sizeof(block));
	for (int n = 0; n < 512; n++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			return stopped(strerror(errno));
	return GOT;
}
