/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ioprio_1, STOPPED)
{
	return succeeded(syscall(SYS_ioprio_set, 1, 1, 3 << 13));
}
