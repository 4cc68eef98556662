/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mlock, STOPPED)
{
	void *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED      ? stopped("no memory")
	       : mlock(p, MIB) == 0 ? GOT
				    : stopped("locked");
}
