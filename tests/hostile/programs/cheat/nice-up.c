/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(nice_up, STOPPED)
{
	return succeeded(setpriority(PRIO_PROCESS, 0, -10));
}
