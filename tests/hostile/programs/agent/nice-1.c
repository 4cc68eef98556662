/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(nice_1, STOPPED)
{
	return succeeded(setpriority(PRIO_PROCESS, 1, 19));
}
