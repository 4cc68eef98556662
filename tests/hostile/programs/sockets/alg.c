/* SPDX-License-Identifier: MIT */
/* It wrote into pages of files that it could only read. */
#include "hostile.h"

HOSTILE(alg, STOPPED " uncaged=no")
{
	return reached(socket(38, SOCK_SEQPACKET, 0));
}
