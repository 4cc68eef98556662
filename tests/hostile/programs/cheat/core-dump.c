/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(core_dump, "signaled uncaged=no")
{
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	abort();
}
