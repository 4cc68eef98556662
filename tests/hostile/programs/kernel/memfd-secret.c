/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(memfd_secret, STOPPED)
{
	return reached(syscall(447, 0));
}
