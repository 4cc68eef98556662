/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(sparse_file, STOPPED)
{
	int fd = open("sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	(void)signal(SIGXFSZ, SIG_IGN);
	return succeeded(ftruncate(fd, 1L << 40));
}
