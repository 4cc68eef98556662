/* SPDX-License-Identifier: MIT */
/* Its own limits, raised. */
#include "hostile.h"

static const char *const at[] = { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max",
	"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs",
	"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/cgroup.procs" };

HOSTILE(cgroup_limits, STOPPED)
{
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		int fd = open(at[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0)
			return GOT;
	}
	return stopped(strerror(errno));
}
