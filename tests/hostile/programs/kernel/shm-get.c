/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(shm_get, STOPPED)
{
	int id = (int)syscall(SYS_shmget, 0, 4096, 01600);

	if (id >= 0)
		(void)syscall(SYS_shmctl, id, 0, NULL);
	return reached(id);
}
