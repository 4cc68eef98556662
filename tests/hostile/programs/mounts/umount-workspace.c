/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(umount_workspace, STOPPED)
{
	return reached(umount2("/tmp", MNT_DETACH));
}
