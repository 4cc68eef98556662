/* SPDX-License-Identifier: MIT */
/* Shared memory is for data. */
#include "hostile.h"

#include <sys/statvfs.h>

HOSTILE(programs_in_shm, STOPPED " uncaged=no")
{
	struct statvfs fs;

	return statvfs("/dev/shm", &fs) == 0 && (fs.f_flag & ST_NOEXEC) == 0 ? GOT
									     : stopped("noexec");
}
