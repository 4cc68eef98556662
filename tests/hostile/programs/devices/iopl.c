/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(iopl, STOPPED " uncaged=no")
{
	return reached(syscall(SYS_iopl, 3));
}
