/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(add_key, STOPPED)
{
	return reached(syscall(SYS_add_key, "user", "hostile", "x", 1, -3));
}
