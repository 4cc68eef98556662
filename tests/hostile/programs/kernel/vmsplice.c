/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(vmsplice, STOPPED)
{
	int ends[2];
	char byte = 0;
	struct iovec iov = { &byte, 1 };

	if (pipe(ends) < 0)
		return stopped("no pipe");
	return reached(vmsplice(ends[1], &iov, 1, 0));
}
