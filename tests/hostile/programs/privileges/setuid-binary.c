/* SPDX-License-Identifier: MIT */
/* This very file is root's in the image, and set-uid. */
#include "hostile.h"

HOSTILE(setuid_binary, STOPPED)
{
	return geteuid() == 0 ? GOT : stopped("without effect");
}
