/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(inet, STOPPED)
{
	return reached(socket(AF_INET, SOCK_STREAM, 0));
}
