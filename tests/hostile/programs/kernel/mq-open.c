/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mq_open, STOPPED)
{
	long q = syscall(SYS_mq_open, "hostile", O_RDWR | O_CREAT, 0600, NULL);

	if (q >= 0)
		(void)syscall(SYS_mq_unlink, "hostile");
	return reached(q);
}
