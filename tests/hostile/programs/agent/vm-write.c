/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(vm_write, STOPPED)
{
	char c = 0;
	struct iovec local = { &c, 1 }, remote = { &c, 1 };

	return reached(process_vm_writev(1, &local, 1, &remote, 1, 0));
}
