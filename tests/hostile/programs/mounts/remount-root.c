/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(remount_root, STOPPED)
{
	return reached(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}
