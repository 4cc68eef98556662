/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(tgkill_1, STOPPED)
{
	return succeeded(syscall(SYS_tgkill, 1, 1, SIGSTOP));
}
