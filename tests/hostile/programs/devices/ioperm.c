/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ioperm, STOPPED " uncaged=no")
{
	return reached(syscall(SYS_ioperm, 0x80, 1, 1));
}
