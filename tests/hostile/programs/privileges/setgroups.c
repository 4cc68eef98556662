/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(setgroups, STOPPED)
{
	gid_t root = 0;

	return reached(syscall(SYS_setgroups, 1, &root));
}
