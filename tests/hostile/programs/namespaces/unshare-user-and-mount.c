/* SPDX-License-Identifier: MIT */
/* The usual first step of an exploit of the kernel's. */
#include "hostile.h"

HOSTILE(unshare_user_and_mount, STOPPED)
{
	return reached(unshare(CLONE_NEWUSER | CLONE_NEWNS));
}
