/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(sysrq, STOPPED " uncaged=no")
{
	return reached(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC));
}
