/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(init_module, STOPPED " uncaged=no")
{
	return reached(syscall(SYS_init_module, NULL, 0, ""));
}
