/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kernel_debug, STOPPED " uncaged=no")
{
	return reached(open("/sys/kernel/debug/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == GOT
		       ? opens("/sys/kernel/debug/sched/debug", O_RDONLY)
		       : NOT;
}
