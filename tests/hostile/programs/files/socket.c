/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(socket, "ok files=0 task=collecting")
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "x.out" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? GOT : NOT;
}
