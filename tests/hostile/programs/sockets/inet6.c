/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(inet6, STOPPED)
{
	return reached(socket(AF_INET6, SOCK_STREAM, 0));
}
