/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mknod_disk, STOPPED)
{
	return reached(mknod("disk", S_IFBLK | 0600, (dev_t)(8 << 8)));
}
