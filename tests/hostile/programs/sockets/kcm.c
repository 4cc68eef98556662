/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kcm, STOPPED " uncaged=no")
{
	return reached(socket(41, SOCK_DGRAM, 0));
}
