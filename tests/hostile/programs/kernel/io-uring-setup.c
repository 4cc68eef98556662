/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(io_uring_setup, STOPPED)
{
	char params[120] = { 0 };

	return reached(syscall(SYS_io_uring_setup, 1, params));
}
