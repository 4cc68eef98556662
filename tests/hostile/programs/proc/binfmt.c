/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(binfmt, STOPPED " uncaged=no")
{
	return reached(open("/proc/sys/fs/binfmt_misc/register", O_WRONLY | O_CLOEXEC));
}
