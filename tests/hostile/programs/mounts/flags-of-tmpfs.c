/* SPDX-License-Identifier: MIT */
/* Devices or set-uid programs where it may write. */
#include "hostile.h"

#include <sys/statvfs.h>

HOSTILE(flags_of_tmpfs, STOPPED)
{
	static const char *const places[] = { ".", "/workspace", "/tmp", "/dev/shm" };
	struct statvfs fs;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (statvfs(places[i], &fs) == 0 &&
			(fs.f_flag & (ST_NOSUID | ST_NODEV)) != (ST_NOSUID | ST_NODEV))
			return GOT;
	return stopped("nosuid, nodev");
}
