/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_user, STOPPED)
{
	return reached(unshare(CLONE_NEWUSER));
}
