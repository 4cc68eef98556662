/* SPDX-License-Identifier: MIT */
/* A name without a file: seen by all that share the network namespace. */
#include "hostile.h"

HOSTILE(abstract, STOPPED)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0dockgate-hostile" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return succeeded(connect(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen("dockgate-hostile") +
			    1)));
}
