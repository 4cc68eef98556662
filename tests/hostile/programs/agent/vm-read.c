/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(vm_read, STOPPED)
{
	char c;
	struct iovec local = { &c, 1 }, remote = { &c, 1 };

	return reached(process_vm_readv(1, &local, 1, &remote, 1, 0));
}
