/* SPDX-License-Identifier: MIT */
/* Who may write cores may write them where the host's pattern says. */
#include "hostile.h"

HOSTILE(core_limit, STOPPED " uncaged=no")
{
	struct rlimit limit = { 0, 0 };

	return getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_max > 0 ? GOT : stopped("none");
}
