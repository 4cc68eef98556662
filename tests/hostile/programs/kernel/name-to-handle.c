/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(name_to_handle, STOPPED)
{
	char handle[64] = { 0 };
	int id;

	return reached(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", handle, &id, 0));
}
