/* SPDX-License-Identifier: MIT */
/*
 * The system calls by which the program under test changes what is on a disk, wrapped by the
 * linker (--wrap): done, and told to the disk. What it does not use is refused, so that a
 * new use is noticed. Syncs are not done: they would only take time.
 */
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

static _Noreturn void unknown(const char *call)
{
	(void)fprintf(stderr, "%s changes the disk and is not told to it\n", call);
	abort();
}

int calls_fsync(int fd)
{
	if (!disk_is_on())
		return real_fsync(fd);
	disk_synced_fd(fd);
	return 0;
}

int calls_fdatasync(int fd)
{
	return calls_fsync(fd);
}

int calls_linkat(int from_dir, const char *from, int dir_fd, const char *name, int flags)
{
	static const char descriptors[] = "/proc/self/fd/";

	if (real_linkat(from_dir, from, dir_fd, name, flags) < 0)
		return -1;
	if (!disk_is_on())
		return 0;
	if (strncmp(from, descriptors, sizeof(descriptors) - 1) != 0)
		unknown("linkat() by a path");
	disk_linked((int)strtol(from + sizeof(descriptors) - 1, NULL, 10), dir_fd, name);
	return 0;
}

int calls_unlinkat(int dir_fd, const char *name, int flags)
{
	if (real_unlinkat(dir_fd, name, flags) < 0)
		return -1;
	disk_unlinked(dir_fd, name);
	return 0;
}

int calls_mkdir(const char *path, mode_t mode)
{
	if (real_mkdir(path, mode) < 0)
		return -1;
	disk_made_directory(path);
	return 0;
}

int calls_rename(const char *from, const char *to)
{
	(void)from;
	(void)to;
	unknown("rename()");
}

int calls_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	(void)from_dir;
	(void)from;
	(void)to_dir;
	(void)to;
	unknown("renameat()");
}
