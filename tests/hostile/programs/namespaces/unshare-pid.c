/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_pid, STOPPED)
{
	return reached(unshare(CLONE_NEWPID));
}
