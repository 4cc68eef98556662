/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ns_last_pid, STOPPED)
{
	return reached(open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC));
}
