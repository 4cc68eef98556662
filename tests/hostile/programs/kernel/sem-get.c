/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(sem_get, STOPPED)
{
	int id = (int)syscall(SYS_semget, 0, 1, 01600);

	if (id >= 0)
		(void)syscall(SYS_semctl, id, 0, 0, NULL);
	return reached(id);
}
