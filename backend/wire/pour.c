/* SPDX-License-Identifier: MIT */
#include "pour.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PUSH_BYTES (4U * 1024 * 1024)

int pour_begin(struct pour *pour, int fd, struct err *err)
{
	*pour = (struct pour){ .fd = fd, .hash = EVP_MD_CTX_new() };
	if (pour->hash != NULL && EVP_DigestInit_ex(pour->hash, EVP_sha256(), NULL) == 1)
		return 0;
	pour_done(pour);
	return err_set(err, ENOMEM, "hash of a spool file");
}

/* What it does not take now it gets at the end, with the sync that everything waits for. */
static void push(struct pour *pour)
{
	(void)sync_file_range(pour->fd, (off_t)pour->pushed, (off_t)(pour->len - pour->pushed),
		SYNC_FILE_RANGE_WRITE);
	pour->pushed = pour->len;
}

int pour_add(struct pour *pour, const void *data, size_t n, struct err *err)
{
	const uint8_t *at = data;
	size_t left = n;

	while (left > 0) {
		ssize_t w = pwrite(pour->fd, at, left, (off_t)pour->len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_set(err, errno, "write to the spool");
		at += w;
		left -= (size_t)w;
		pour->len += (uint64_t)w;
	}
	if (EVP_DigestUpdate(pour->hash, data, n) != 1)
		return err_set(err, EIO, "hash of a spool file");
	if (pour->len - pour->pushed >= PUSH_BYTES)
		push(pour);
	return 0;
}

struct blob pour_take(struct pour *pour)
{
	struct blob blob = blob_of_fd(pour->fd, pour->len);
	unsigned n = sizeof(blob.sha256);

	blob.hashed = pour->hash != NULL && EVP_DigestFinal_ex(pour->hash, blob.sha256, &n) == 1;
	pour->fd = -1;
	pour_done(pour);
	return blob;
}

void pour_done(struct pour *pour)
{
	EVP_MD_CTX_free(pour->hash);
	if (pour->fd >= 0)
		(void)close(pour->fd);
	*pour = POUR_NONE;
}
