/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(pivot_root, STOPPED)
{
	return reached(syscall(SYS_pivot_root, "/tmp", "/tmp"));
}
