/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(write_binaries, STOPPED)
{
	return reached(open("/bin/owned", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
}
