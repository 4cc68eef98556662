/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(die_of_every_signal, "signaled uncaged=no")
{
	(void)raise(SIGKILL);
	return GOT;
}
