/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(acct, STOPPED)
{
	return reached(syscall(SYS_acct, NULL));
}
