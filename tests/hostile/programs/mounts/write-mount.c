/* SPDX-License-Identifier: MIT */
/* A directory of the host's that the task mounts; its rights let everybody write. */
#include "hostile.h"

HOSTILE(write_mount, STOPPED " uncaged=no")
{
	int fd = open("/data/open", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == EROFS ? stopped("read-only") : GOT;
	put(fd, "owned\n", 6);
	return GOT;
}
