/* SPDX-License-Identifier: MIT */
#include "pour.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PUSH_BYTES (4U * 1024 * 1024)

int pour_begin(struct pour *pour, int fd, struct err *err)
{
	*pour = (struct pour){ .fd = fd, .buffer = malloc(POUR_BUFFER), .hash = EVP_MD_CTX_new() };
	if (pour->buffer != NULL && pour->hash != NULL &&
		EVP_DigestInit_ex(pour->hash, EVP_sha256(), NULL) == 1)
		return 0;
	pour_done(pour);
	return err_set(err, ENOMEM, "spool file");
}

/* What it does not take now it gets at the end, with the sync that everything waits for. */
static void push(struct pour *pour)
{
	(void)sync_file_range(pour->fd, (off_t)pour->pushed, (off_t)(pour->len - pour->pushed),
		SYNC_FILE_RANGE_WRITE);
	pour->pushed = pour->len;
}

static int write_out(struct pour *pour, const uint8_t *data, size_t n, struct err *err)
{
	if (EVP_DigestUpdate(pour->hash, data, n) != 1)
		return err_set(err, EIO, "hash of a spool file");
	while (n > 0) {
		ssize_t w = pwrite(pour->fd, data, n, (off_t)pour->len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_set(err, errno, "write to the spool");
		data += w;
		n -= (size_t)w;
		pour->len += (uint64_t)w;
	}
	if (pour->len - pour->pushed >= PUSH_BYTES)
		push(pour);
	return 0;
}

int pour_add(struct pour *pour, const void *data, size_t n, struct err *err)
{
	const uint8_t *at = data;
	int r = 0;

	while (r == 0 && n > 0) {
		size_t take = POUR_BUFFER - pour->n < n ? POUR_BUFFER - pour->n : n;

		memcpy(pour->buffer + pour->n, at, take);
		pour->n += take;
		at += take;
		n -= take;
		if (pour->n < POUR_BUFFER)
			break;
		r = write_out(pour, pour->buffer, pour->n, err);
		pour->n = 0;
	}
	return r;
}

int pour_flush(struct pour *pour, struct err *err)
{
	int r = write_out(pour, pour->buffer, pour->n, err);

	if (r == 0)
		pour->n = 0;
	return r;
}

int pour_read(const struct pour *pour, uint64_t offset, void *ret, size_t n, struct err *err)
{
	uint8_t *to = ret;

	while (n > 0 && offset < pour->len) {
		uint64_t left = pour->len - offset;
		ssize_t got = pread(pour->fd, to, left < n ? (size_t)left : n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, got < 0 ? errno : EIO, "read from the spool");
		to += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	if (n == 0)
		return 0;
	if (offset - pour->len > pour->n || n > pour->n - (offset - pour->len))
		return err_set(err, ERANGE, "spool file");
	memcpy(to, pour->buffer + (offset - pour->len), n);
	return 0;
}

int pour_take(struct pour *pour, struct blob *ret, struct err *err)
{
	int r = pour_flush(pour, err);

	if (r == 0) {
		unsigned n = sizeof(ret->sha256);

		*ret = blob_of_fd(TAKE_FD(pour->fd), pour->len);
		ret->hashed = EVP_DigestFinal_ex(pour->hash, ret->sha256, &n) == 1;
	}
	pour_done(pour);
	return r;
}

void pour_done(struct pour *pour)
{
	EVP_MD_CTX_free(pour->hash);
	free(pour->buffer);
	if (pour->fd >= 0)
		(void)close(pour->fd);
	*pour = POUR_NONE;
}
