/* SPDX-License-Identifier: MIT */
/* A character typed into the terminal of whoever started us. */
#include "hostile.h"

#include <sys/ioctl.h>

HOSTILE(terminal_input, STOPPED)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? reached(fd) : reached(ioctl(fd, TIOCSTI, "x"));
}
