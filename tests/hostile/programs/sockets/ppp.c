/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ppp, STOPPED " uncaged=no")
{
	return reached(socket(24, SOCK_DGRAM, 0));
}
