/* SPDX-License-Identifier: MIT */
/* Nothing is changed, but who may not change it is told so. */
#include "hostile.h"

HOSTILE(settimeofday, STOPPED)
{
	return reached(syscall(SYS_settimeofday, NULL, NULL));
}
