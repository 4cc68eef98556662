/* SPDX-License-Identifier: MIT */
/* One that nobody thought of. */
#include "hostile.h"

HOSTILE(every_family, STOPPED)
{
	for (int family = 2; family < 64; family++) {
		int fd = socket(family, SOCK_DGRAM, 0);

		if (fd >= 0 || (errno != EPERM && errno != EACCES && errno != EAFNOSUPPORT))
			return GOT;
	}
	return stopped("all");
}
