/* SPDX-License-Identifier: MIT */
/* What masks /proc lies over it. */
#include "hostile.h"

HOSTILE(umount_proc, STOPPED)
{
	return reached(umount2("/proc", MNT_DETACH));
}
