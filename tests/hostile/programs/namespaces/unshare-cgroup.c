/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_cgroup, STOPPED)
{
	return reached(unshare(CLONE_NEWCGROUP));
}
