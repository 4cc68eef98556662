/* SPDX-License-Identifier: MIT */
/* A program of the host's that runs when the last process has gone. */
#include "hostile.h"

static const char *const at[] = { "/sys/fs/cgroup/release_agent",
	"/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/rdma/release_agent",
	"/sys/fs/cgroup/cpu/release_agent" };

HOSTILE(release_agent, STOPPED)
{
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		int fd = open(at[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0)
			return GOT;
	}
	return stopped(strerror(errno));
}
