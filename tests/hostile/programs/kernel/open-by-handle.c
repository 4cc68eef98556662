/* SPDX-License-Identifier: MIT */
/* The way out of a container that began it all. */
#include "hostile.h"

HOSTILE(open_by_handle, STOPPED)
{
	char handle[64] = { 0 };

	handle[0] = 8;
	handle[4] = 1;
	return reached(syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
}
