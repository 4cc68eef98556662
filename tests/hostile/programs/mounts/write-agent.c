/* SPDX-License-Identifier: MIT */
/* The agent's own volume, where it is to be seen. */
#include "hostile.h"

#include <sys/statvfs.h>

HOSTILE(write_agent, STOPPED " uncaged=no")
{
	struct statvfs fs;

	if (statvfs("/dockgate", &fs) < 0)
		return stopped(strerror(errno));
	return (fs.f_flag & ST_RDONLY) == 0 ? GOT : stopped("read-only");
}
