/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(delete_module, STOPPED " uncaged=no")
{
	errno = 0;
	return syscall(SYS_delete_module, "no-such-module", O_NONBLOCK) < 0 && errno != ENOENT
		       ? reached(-1)
		       : GOT;
}
