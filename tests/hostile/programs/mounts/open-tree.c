/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(open_tree, STOPPED)
{
	return reached(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
}
