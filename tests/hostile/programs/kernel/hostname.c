/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(hostname, STOPPED)
{
	return reached(sethostname("owned", 5));
}
