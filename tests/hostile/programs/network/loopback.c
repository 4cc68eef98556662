/* SPDX-License-Identifier: MIT */
/* The service itself listens there. */
#include "hostile.h"

#include <netinet/in.h>

HOSTILE(loopback, STOPPED)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)hostile_argument) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(0x7f000001);
	return fd < 0 ? stopped(strerror(errno))
		      : succeeded(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}
