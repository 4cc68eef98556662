/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static const char *const at[] = { "/sys/fs/cgroup/owned", "/sys/fs/cgroup/memory/owned",
	"/sys/fs/cgroup/pids/owned", "/sys/fs/cgroup/systemd/owned" };

HOSTILE(cgroup_mkdir, STOPPED)
{
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (mkdir(at[i], 0755) == 0) {
			(void)rmdir(at[i]);
			return GOT;
		}
	return stopped(strerror(errno));
}
