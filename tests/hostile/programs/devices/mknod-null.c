/* SPDX-License-Identifier: MIT */
/* A harmless one is a device, too. */
#include "hostile.h"

HOSTILE(mknod_null, STOPPED)
{
	return reached(mknod("null", S_IFCHR | 0666, (dev_t)(1 << 8 | 3)));
}
