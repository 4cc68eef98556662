/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(can, STOPPED " uncaged=no")
{
	return reached(socket(29, SOCK_RAW, 1));
}
