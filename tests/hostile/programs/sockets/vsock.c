/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(vsock, STOPPED " uncaged=no")
{
	return reached(socket(40, SOCK_STREAM, 0));
}
