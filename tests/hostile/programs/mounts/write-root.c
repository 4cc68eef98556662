/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(write_root, STOPPED)
{
	return reached(open("/owned", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}
