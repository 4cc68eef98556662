/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(io_uring_register, STOPPED)
{
	return reached(syscall(SYS_io_uring_register, -1, 0, NULL, 0));
}
