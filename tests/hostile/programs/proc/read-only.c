/* SPDX-License-Identifier: MIT */
/* What sets something in the kernel, whoever may write it. */
#include "hostile.h"

#include <sys/statvfs.h>

HOSTILE(read_only, STOPPED)
{
	static const char *const paths[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };
	struct statvfs fs;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (statvfs(paths[i], &fs) == 0 && (fs.f_flag & ST_RDONLY) == 0)
			return GOT;
	return stopped("read-only");
}
