/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mknod_memory, STOPPED)
{
	return reached(mknod("mem", S_IFCHR | 0600, (dev_t)(1 << 8 | 1)));
}
