/* SPDX-License-Identifier: MIT */
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static char *above(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int directory_sync_above(const char *path, struct err *err)
{
	cleanup_free char *name = above(path);
	cleanup_close int fd = -EBADF;

	if (name == NULL)
		return err_set(err, ENOMEM, "%s", path);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		return 0;
	/* EINVAL: this file system has nothing to sync. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return err_set(err, errno, "sync directory '%s'", name);
	return 0;
}

int directory_make(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", path);
	return directory_sync_above(path, err);
}
