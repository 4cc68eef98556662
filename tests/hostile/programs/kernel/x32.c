/* SPDX-License-Identifier: MIT */
/* The third set of numbers; this kernel may not have it at all. */
#include "hostile.h"

static int call(void)
{
	return syscall(0x40000000 + SYS_getpid) > 0 ? GOT : NOT;
}

HOSTILE(x32, STOPPED " uncaged=no")
{
	return in_child(call);
}
