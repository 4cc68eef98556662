/* SPDX-License-Identifier: MIT */
/* Sixteen MiB of nothing. */
#include "hostile.h"

HOSTILE(sparse, "ok files=0 task=collecting uncaged=no")
{
	int fd = open("x.out", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return ftruncate(fd, 15 * (off_t)MIB) == 0 ? GOT : NOT;
}
