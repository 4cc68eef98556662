/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(syslog, STOPPED)
{
	char buf[64];

	return reached(syscall(SYS_syslog, 3, buf, sizeof(buf)));
}
