/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(tipc, STOPPED " uncaged=no")
{
	return reached(socket(30, SOCK_SEQPACKET, 0));
}
