/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_mount, STOPPED)
{
	return reached(unshare(CLONE_NEWNS));
}
