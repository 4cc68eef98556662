/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(request_key, STOPPED)
{
	errno = 0;
	return syscall(SYS_request_key, "user", "hostile", NULL, 0) < 0 && errno != ENOKEY
		       ? reached(-1)
		       : GOT;
}
