/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(packet, STOPPED)
{
	return reached(socket(AF_PACKET, SOCK_RAW, 0));
}
