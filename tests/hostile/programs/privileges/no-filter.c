/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(no_filter, STOPPED)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 ? GOT : stopped("filtered");
}
