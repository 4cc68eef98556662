/* SPDX-License-Identifier: MIT */
#include "seccomp_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

static int write_whole(const char *temporary, const char *profile, struct err *err)
{
	cleanup_close int fd = -EBADF;
	size_t left = strlen(profile);

	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "create '%s'", temporary);
	while (left > 0) {
		ssize_t n = write(fd, profile, left);

		if (n < 0)
			return err_set(err, errno, "write '%s'", temporary);
		profile += n;
		left -= (size_t)n;
	}
	return 0;
}

int seccomp_file_write(
	const char *name, const char *profile, char *ret_path, size_t size, struct err *err)
{
	char dir[PATH_MAX], temporary[256];
	int r;

	if (getcwd(dir, sizeof(dir)) == NULL)
		return err_set(err, errno, "the state directory");
	if (strlen(dir) + 1 + strlen(name) >= size ||
		snprintf(temporary, sizeof(temporary), "%s.new", name) >= (int)sizeof(temporary))
		return err_set(err, ENAMETOOLONG, "'%s'", name);
	r = write_whole(temporary, profile, err);
	if (r == 0 && rename(temporary, name) < 0)
		r = err_set(err, errno, "rename to '%s'", name);
	if (r < 0)
		(void)unlink(temporary);
	else
		(void)snprintf(ret_path, size, "%s/%s", dir, name);
	return r;
}
