/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static int call(void)
{
	long r = 102; /* socketcall: no such sub-call */

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(99), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return r == -EINVAL ? GOT : NOT;
}

HOSTILE(int80_socketcall, STOPPED)
{
	return in_child(call);
}
