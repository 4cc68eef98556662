/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <netinet/in.h>

HOSTILE(listen, STOPPED)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? stopped(strerror(errno))
		      : reached(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}
