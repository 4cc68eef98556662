/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(perf_event, STOPPED)
{
	return reached(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}
