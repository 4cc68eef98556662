/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mount_cgroup, STOPPED)
{
	return reached(mount("none", "/tmp", "cgroup", 0, "memory"));
}
