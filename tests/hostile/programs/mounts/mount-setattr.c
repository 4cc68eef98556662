/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(mount_setattr, STOPPED)
{
	struct {
		uint64_t set, clear, propagation, userns_fd;
	} attr = { .clear = 1 };

	return reached(syscall(SYS_mount_setattr, AT_FDCWD, "/tmp", 0, &attr, sizeof(attr)));
}
