/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mount_proc, STOPPED)
{
	return reached(mount("proc", "/tmp", "proc", 0, NULL));
}
