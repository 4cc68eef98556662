/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(quotactl, STOPPED)
{
	return reached(syscall(SYS_quotactl, 0x800007 << 8, NULL, 0, NULL));
}
