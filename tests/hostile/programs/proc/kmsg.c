/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kmsg, STOPPED)
{
	struct stat st;
	int fd = open("/proc/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return GOT;
	return stopped("not the kernel's");
}
