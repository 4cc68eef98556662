/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(irq, STOPPED)
{
	return reached(open("/proc/irq/default_smp_affinity", O_WRONLY | O_CLOEXEC));
}
