/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <netinet/in.h>

HOSTILE(loopback6, STOPPED)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)hostile_argument),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	return fd < 0 ? stopped(strerror(errno))
		      : reached(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}
