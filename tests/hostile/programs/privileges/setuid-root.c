/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(setuid_root, STOPPED)
{
	return getuid() == 0 ? GOT : succeeded(setuid(0));
}
