/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(exec_nothing, "nonzero_exit uncaged=no")
{
	char *none[] = { NULL };

	(void)execve("/nowhere", none, none);
	return 127;
}
