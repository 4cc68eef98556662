/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(docker_socket, STOPPED)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return succeeded(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}
