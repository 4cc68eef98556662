/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(domainname, STOPPED)
{
	return reached(syscall(SYS_setdomainname, "owned", 5));
}
