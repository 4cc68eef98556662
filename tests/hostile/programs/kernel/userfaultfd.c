/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(userfaultfd, STOPPED)
{
	return reached(syscall(SYS_userfaultfd, 0));
}
