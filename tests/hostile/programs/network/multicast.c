/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <netinet/in.h>

HOSTILE(multicast, STOPPED)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1900) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	to.sin_addr.s_addr = htonl(0xeffffffa);
	if (fd < 0)
		return stopped(strerror(errno));
	return reached(sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)));
}
