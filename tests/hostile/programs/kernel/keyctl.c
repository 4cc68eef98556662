/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(keyctl, STOPPED)
{
	return reached(syscall(SYS_keyctl, 0, -3, 1));
}
