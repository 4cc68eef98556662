/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(prlimit_1, STOPPED)
{
	struct rlimit limit = { 16, 16 };

	return succeeded(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &limit, NULL));
}
