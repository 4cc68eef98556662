/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(file_limit_signal, "disk_limit limit=file_bytes uncaged=no")
{
	int fd = open("sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	return succeeded(ftruncate(fd, 1L << 40));
}
