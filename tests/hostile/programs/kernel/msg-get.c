/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(msg_get, STOPPED)
{
	int id = (int)syscall(SYS_msgget, 0, 01600);

	if (id >= 0)
		(void)syscall(SYS_msgctl, id, 0, NULL);
	return reached(id);
}
