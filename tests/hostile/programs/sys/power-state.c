/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(power_state, STOPPED " uncaged=no")
{
	return reached(open("/sys/power/state", O_WRONLY | O_CLOEXEC));
}
