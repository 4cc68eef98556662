/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static const char *const at[] = { "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg",
	"/dev/loop-control", "/dev/fuse", "/dev/kvm", "/dev/net/tun" };

HOSTILE(host_disk, STOPPED)
{
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (open(at[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK) >= 0)
			return GOT;
	return stopped("none");
}
