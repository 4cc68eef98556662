/* SPDX-License-Identifier: MIT */
/* A hundred thousand of one byte each. */
#include "hostile.h"

HOSTILE(tiny_writes, "ok exit=0")
{
	for (int n = 0; n < 100000; n++)
		if (write(1, "x", 1) != 1)
			return NOT;
	return GOT;
}
