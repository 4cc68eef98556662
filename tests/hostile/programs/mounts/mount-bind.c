/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mount_bind, STOPPED)
{
	return reached(mount("/", "/tmp", NULL, MS_BIND, NULL));
}
