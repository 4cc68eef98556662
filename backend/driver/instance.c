/* SPDX-License-Identifier: MIT */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hex.h"

static int read_id(int fd, const char *path, char ret[static INSTANCE_CHARS + 1], struct err *err)
{
	char text[INSTANCE_CHARS + 2];
	uint8_t bytes[INSTANCE_CHARS / 2];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return err_set(err, errno, "read '%s'", path);
	if (n != INSTANCE_CHARS + 1 || text[INSTANCE_CHARS] != '\n' ||
		!hex_decode(text, INSTANCE_CHARS, bytes))
		return err_say(err, EINVAL,
			"'%s' is not an instance's id; remove it to get a new one", path);
	memcpy(ret, text, INSTANCE_CHARS);
	ret[INSTANCE_CHARS] = '\0';
	return 0;
}

/* Whole or not at all: a temporary file, then rename. */
static int write_id(const char *path, const char *id, struct err *err)
{
	cleanup_close int fd = -EBADF;
	char temporary[512], line[INSTANCE_CHARS + 2];
	int r = 0;

	(void)snprintf(line, sizeof(line), "%s\n", id);
	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return err_set(err, ENAMETOOLONG, "'%s'", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "create '%s'", temporary);
	if (write(fd, line, INSTANCE_CHARS + 1) != INSTANCE_CHARS + 1 || fsync(fd) < 0)
		r = err_set(err, errno, "write '%s'", temporary);
	else if (rename(temporary, path) < 0)
		r = err_set(err, errno, "rename to '%s'", path);
	if (r < 0)
		(void)unlink(temporary);
	return r;
}

int instance_load(const char *path, char ret[static INSTANCE_CHARS + 1], struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t bytes[INSTANCE_CHARS / 2];
	char id[INSTANCE_CHARS + 1];
	int r;

	if (fd >= 0)
		return read_id(fd, path, ret, err);
	if (errno != ENOENT)
		return err_set(err, errno, "open '%s'", path);
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, EIO, "getrandom");
	hex_encode(bytes, sizeof(bytes), id);
	r = write_id(path, id, err);
	if (r < 0)
		return r;
	memcpy(ret, id, sizeof(id));
	return 0;
}
