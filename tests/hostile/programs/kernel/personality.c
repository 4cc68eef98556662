/* SPDX-License-Identifier: MIT */
/* Code where only data should be. */
#include "hostile.h"

HOSTILE(personality, STOPPED)
{
	return reached(syscall(SYS_personality, 0x0400000));
}
