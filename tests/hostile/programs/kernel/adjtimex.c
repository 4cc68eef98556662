/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <sys/timex.h>

HOSTILE(adjtimex, STOPPED)
{
	struct timex tx = { .modes = ADJ_TICK, .tick = 1 };

	return reached(syscall(SYS_adjtimex, &tx));
}
