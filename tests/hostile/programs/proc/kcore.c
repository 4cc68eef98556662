/* SPDX-License-Identifier: MIT */
/* The memory of the whole machine. */
#include "hostile.h"

HOSTILE(kcore, STOPPED " uncaged=no")
{
	return opens("/proc/kcore", O_RDONLY);
}
