/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(fsopen, STOPPED)
{
	return reached(syscall(SYS_fsopen, "tmpfs", 0));
}
