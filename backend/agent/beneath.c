/* SPDX-License-Identifier: MIT */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Kernels before 5.6: one component and O_NOFOLLOW come to the same; devices are compared. */
static int open_old(int dir, const char *name, int flags, mode_t mode)
{
	cleanup_close int fd = openat(dir, name, flags, mode);
	struct stat above, below;

	if (fd < 0)
		return -errno;
	if (fstat(dir, &above) < 0 || fstat(fd, &below) < 0)
		return -errno;
	if (above.st_dev != below.st_dev)
		return -EXDEV;
	return TAKE_FD(fd);
}

int beneath_open_dir(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int beneath_open(int dir, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
						  O_NOCTTY),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd;

	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, "..") == 0)
		return -EINVAL;
	fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	return errno == ENOSYS ? open_old(dir, name, (int)how.flags, mode) : -errno;
}
