/* SPDX-License-Identifier: MIT */
/* Bytes beyond what a job's row holds, where all machines can read them. For any thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "mariadb.h"

#define CHUNK_BYTES (1024 * 1024)
#define TRIES       3

/* Each statement is a transaction of its own: until a row names the file, it is nobody's. */
static int exec(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	struct err *err)
{
	struct done done;
	int r = -EBUSY;

	for (int i = 0; i < TRIES; i++) {
		r = mariadb_exec(link, which, in, n, &done, err);
		if (r == 0 || !mariadb_is_deadlock(link))
			break;
	}
	return r;
}

static int read_at(int fd, uint8_t *to, size_t n, uint64_t at, struct err *err)
{
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, errno, "read a spool file");
		if (got == 0)
			return err_say(err, EPROTO, "a spool file became shorter");
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

static int write_at(int fd, const uint8_t *from, size_t n, uint64_t at, struct err *err)
{
	while (n > 0) {
		ssize_t put = pwrite(fd, from, n, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set(err, errno, "write a spool file");
		from += put;
		n -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

static size_t chunk_size(uint64_t bytes, uint64_t at)
{
	return bytes - at < CHUNK_BYTES ? (size_t)(bytes - at) : CHUNK_BYTES;
}

static int put_chunks(
	struct mariadb_link *link, const char *name, int fd, uint64_t bytes, struct err *err)
{
	cleanup_free uint8_t *buf = malloc(CHUNK_BYTES);
	int r = buf == NULL ? err_set(err, ENOMEM, "store") : 0;

	for (uint64_t at = 0; r == 0 && at < bytes; at += CHUNK_BYTES) {
		size_t n = chunk_size(bytes, at);
		const struct cell in[] = { CELL_TEXT(name), CELL_UINT(at / CHUNK_BYTES),
			CELL_BYTES(buf, n) };

		r = read_at(fd, buf, n, at, err);
		if (r == 0)
			r = exec(link, ST_CHUNK_PUT, in, 3, err);
	}
	return r;
}

int mariadb_file_put(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(name), CELL_UINT(bytes) };
	struct mariadb *m = mariadb_of(store);
	struct mariadb_link *link;
	struct err ignored;
	int r = mariadb_take(m, &link, err);

	if (r < 0)
		return r;
	r = exec(link, ST_FILE_MAKE, in, 2, err);
	if (r == 0) {
		r = put_chunks(link, name, fd, bytes, err);
		if (r < 0 && !mariadb_is_lost(link))
			(void)exec(link, ST_FILE_REMOVE, in, 1, &ignored);
	}
	mariadb_put(m, link);
	return r;
}

static int get_chunk(struct mariadb_link *link, const char *name, uint64_t at, uint8_t *buf,
	size_t n, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(name), CELL_UINT(at / CHUNK_BYTES) };
	int r = mariadb_query(link, ST_CHUNK_GET, in, 2, err);

	if (r == 0)
		r = mariadb_fetch(link, err);
	if (r == 0)
		r = err_say(err, ENODATA, "file %s: its part at %" PRIu64 " is missing", name, at);
	if (r > 0)
		r = mariadb_large(link, 0, buf, n, err);
	mariadb_finish(link);
	return r;
}

static int get_chunks(
	struct mariadb_link *link, const char *name, int fd, uint64_t bytes, struct err *err)
{
	cleanup_free uint8_t *buf = malloc(CHUNK_BYTES);
	int r = buf == NULL ? err_set(err, ENOMEM, "store") : 0;

	for (uint64_t at = 0; r == 0 && at < bytes; at += CHUNK_BYTES) {
		size_t n = chunk_size(bytes, at);

		r = get_chunk(link, name, at, buf, n, err);
		if (r == 0)
			r = write_at(fd, buf, n, at, err);
	}
	return r;
}

int mariadb_file_get(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	struct mariadb_link *link;
	int r = mariadb_take(m, &link, err);

	if (r < 0)
		return r;
	r = get_chunks(link, name, fd, bytes, err);
	if (r < 0 && mariadb_is_lost(link)) { /* it lay idle while the server restarted */
		mariadb_put(m, link);
		r = mariadb_link_open(&m->dsn, &link, err);
		if (r < 0)
			return r;
		r = get_chunks(link, name, fd, bytes, err);
	}
	mariadb_put(m, link);
	return r;
}

int mariadb_file_remove(struct store *store, const char *name, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(name) };
	struct mariadb *m = mariadb_of(store);
	struct mariadb_link *link;
	int r = mariadb_take(m, &link, err);

	if (r < 0)
		return r;
	r = exec(link, ST_FILE_REMOVE, in, 1, err);
	mariadb_put(m, link);
	return r;
}
