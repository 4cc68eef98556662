/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(descriptors, STOPPED)
{
	for (int n = 0; n < 100000; n++)
		if (dup(0) < 0)
			return errno == EMFILE && n > 1000 ? GOT : stopped(strerror(errno));
	return GOT;
}
