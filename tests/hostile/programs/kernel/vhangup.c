/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static int call(void)
{
	return reached(syscall(SYS_vhangup));
}

HOSTILE(vhangup, STOPPED)
{
	return in_child(call);
}
