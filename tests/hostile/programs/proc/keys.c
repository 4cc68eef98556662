/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(keys, STOPPED " uncaged=no")
{
	return opens("/proc/keys", O_RDONLY);
}
