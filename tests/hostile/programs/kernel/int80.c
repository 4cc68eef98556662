/* SPDX-License-Identifier: MIT */
/* The 32-bit door: the same kernel behind other numbers. */
#include "hostile.h"

static int call(void)
{
	long r = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r > 0 ? GOT : NOT;
}

HOSTILE(int80, STOPPED)
{
	return in_child(call);
}
