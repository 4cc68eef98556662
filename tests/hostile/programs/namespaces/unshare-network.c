/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_network, STOPPED)
{
	return reached(unshare(CLONE_NEWNET));
}
