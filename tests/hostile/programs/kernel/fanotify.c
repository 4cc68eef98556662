/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(fanotify, STOPPED)
{
	return reached(syscall(SYS_fanotify_init, 0, 0));
}
