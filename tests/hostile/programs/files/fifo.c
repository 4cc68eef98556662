/* SPDX-License-Identifier: MIT */
/* Whoever opens it waits for ever. */
#include "hostile.h"

HOSTILE(fifo, "ok files=0 task=collecting")
{
	return mkfifo("x.out", 0666) == 0 ? GOT : NOT;
}
