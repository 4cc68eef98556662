/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(chroot, STOPPED)
{
	return reached(chroot("/tmp"));
}
