/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(bluetooth, STOPPED " uncaged=no")
{
	return reached(socket(31, SOCK_RAW, 1));
}
