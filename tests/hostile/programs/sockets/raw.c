/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(raw, STOPPED)
{
	return reached(socket(AF_INET, SOCK_RAW, 1));
}
