/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(netlink, STOPPED)
{
	return reached(socket(AF_NETLINK, SOCK_RAW, 0));
}
