/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(inet_datagram, STOPPED)
{
	return reached(socket(AF_INET, SOCK_DGRAM, 0));
}
