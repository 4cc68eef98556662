/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(xdp, STOPPED " uncaged=no")
{
	return reached(socket(44, SOCK_RAW, 0));
}
