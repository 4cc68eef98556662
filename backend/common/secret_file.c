/* SPDX-License-Identifier: MIT */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int check_file(
	const char *path, uid_t owner, const char *expected, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_say(err, EINVAL, "'%s' is no regular file", path);
	if ((st->st_mode & 037) != 0)
		return err_say(err, EACCES,
			"'%s' has mode %04o; expected at most 0640: it holds a secret", path,
			(unsigned)(st->st_mode & 07777));
	if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner)
		return err_say(err, EACCES, "'%s' belongs to user %u; expected root", path,
			(unsigned)st->st_uid);
	if (st->st_size == 0)
		return err_say(err, EINVAL, "'%s' is empty; expected %s", path, expected);
	if (st->st_size > SECRET_FILE_MAX)
		return err_say(err, EINVAL, "'%s' has more than %d bytes", path, SECRET_FILE_MAX);
	return 0;
}

static int read_whole(int fd, const char *path, size_t size, char *ret, struct err *err)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, ret + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, errno, "read '%s'", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	ret[n] = '\0';
	if (strlen(ret) != n)
		return err_say(err, EINVAL, "'%s' holds a NUL byte", path);
	while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == '\r'))
		ret[--n] = '\0';
	return 0;
}

int secret_file_read(
	const char *path, uid_t owner, const char *expected, char **ret, struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	char *text;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open '%s'", path);
	r = check_file(path, owner, expected, &st, err);
	if (r < 0)
		return r;
	text = calloc(1, (size_t)st.st_size + 1);
	if (text == NULL)
		return err_set(err, ENOMEM, "read '%s'", path);
	r = read_whole(fd, path, (size_t)st.st_size, text, err);
	if (r < 0) {
		secret_file_wipe(text);
		return r;
	}
	*ret = text;
	return 0;
}

void secret_file_wipe(char *text)
{
	if (text == NULL)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}
