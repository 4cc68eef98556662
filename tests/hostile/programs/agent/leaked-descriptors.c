/* SPDX-License-Identifier: MIT */
/* More than the three, and some are not its own. */
#include "hostile.h"

HOSTILE(leaked_descriptors, STOPPED)
{
	char path[64], target[256];

	for (int fd = 3; fd < 1024; fd++) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target));
		if (n > 0)
			return GOT;
	}
	return stopped("three");
}
