/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kcmp, STOPPED)
{
	return reached(syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
}
