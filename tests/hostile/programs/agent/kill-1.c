/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kill_1, STOPPED)
{
	return succeeded(kill(1, SIGTERM));
}
