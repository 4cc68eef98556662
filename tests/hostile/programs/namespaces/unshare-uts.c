/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(unshare_uts, STOPPED)
{
	return reached(unshare(CLONE_NEWUTS));
}
