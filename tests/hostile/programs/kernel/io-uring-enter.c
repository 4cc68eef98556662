/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(io_uring_enter, STOPPED)
{
	return reached(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0));
}
