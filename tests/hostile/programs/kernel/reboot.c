/* SPDX-License-Identifier: MIT */
/* With numbers that the kernel would not take from anybody. */
#include "hostile.h"

HOSTILE(reboot, STOPPED)
{
	return reached(syscall(SYS_reboot, 0, 0, 0, NULL));
}
