/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_ipc, STOPPED)
{
	return reached(unshare(CLONE_NEWIPC));
}
