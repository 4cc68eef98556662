/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(move_mount, STOPPED)
{
	return reached(syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/tmp", 0));
}
