/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(raise_own_limits, STOPPED)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1 << 20, 1 << 20 }) == 0 ||
			       setrlimit(RLIMIT_FSIZE, &all) == 0 ||
			       setrlimit(RLIMIT_CORE, &all) == 0
		       ? GOT
		       : stopped(strerror(errno));
}
