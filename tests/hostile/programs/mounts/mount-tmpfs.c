/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mount_tmpfs, STOPPED)
{
	return reached(mount("none", "/tmp", "tmpfs", 0, NULL));
}
