/* SPDX-License-Identifier: MIT */
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

int blob_of(const void *data, size_t n, struct blob *ret, struct err *err)
{
	uint8_t *copy = NULL;

	if (n > 0) {
		copy = malloc(n);
		if (copy == NULL)
			return err_set(err, ENOMEM, "blob of %zu bytes", n);
		memcpy(copy, data, n);
	}
	*ret = (struct blob){ .len = n, .data = copy, .fd = -1 };
	return 0;
}

struct blob blob_of_fd(int fd, uint64_t len)
{
	return (struct blob){ .len = len, .fd = fd };
}

static int read_fd(int fd, uint64_t offset, uint8_t *ret, size_t n, struct err *err)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, ret + got, n - got, (off_t)(offset + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(err, errno, "read of a large value");
		if (r == 0)
			return err_set(err, ENODATA, "large value is shorter than it said");
		got += (size_t)r;
	}
	return 0;
}

int blob_read(const struct blob *blob, uint64_t offset, void *ret, size_t n, struct err *err)
{
	if (offset > blob->len || n > blob->len - offset)
		return err_set(err, ENODATA, "read of %zu bytes at %" PRIu64 " of %" PRIu64, n,
			offset, blob->len);
	if (n == 0)
		return 0;
	if (blob->fd >= 0)
		return read_fd(blob->fd, offset, ret, n, err);
	memcpy(ret, blob->data + offset, n);
	return 0;
}

int blob_read_all(const struct blob *blob, uint64_t max, uint8_t **ret_data, struct err *err)
{
	cleanup_free uint8_t *data = NULL;
	int r;

	if (blob->len > max || blob->len >= SIZE_MAX)
		return err_set(err, EMSGSIZE, "value of %" PRIu64 " bytes, at most %" PRIu64,
			blob->len, max);
	data = malloc((size_t)blob->len + 1);
	if (data == NULL)
		return err_set(err, ENOMEM, "value of %" PRIu64 " bytes", blob->len);
	r = blob_read(blob, 0, data, (size_t)blob->len, err);
	if (r < 0)
		return r;
	data[blob->len] = '\0';
	*ret_data = TAKE_PTR(data);
	return 0;
}

int blob_dup(const struct blob *blob, struct blob *ret, struct err *err)
{
	int fd;

	if (blob->fd < 0)
		return blob_of(blob->data, (size_t)blob->len, ret, err);
	fd = fcntl(blob->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_set(err, errno, "duplicate a descriptor");
	*ret = blob_of_fd(fd, blob->len);
	return 0;
}

void blob_done(struct blob *blob)
{
	free(blob->data);
	if (blob->fd >= 0)
		(void)close(blob->fd);
	*blob = BLOB_EMPTY;
}
