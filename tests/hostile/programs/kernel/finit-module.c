/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(finit_module, STOPPED " uncaged=no")
{
	return reached(syscall(SYS_finit_module, -1, "", 0));
}
