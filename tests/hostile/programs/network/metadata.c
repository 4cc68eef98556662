/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <netinet/in.h>

HOSTILE(metadata, STOPPED)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	to.sin_addr.s_addr = htonl(0xa9fea9fe);
	return fd < 0 ? stopped(strerror(errno))
		      : reached(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}
