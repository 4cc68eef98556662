/* SPDX-License-Identifier: MIT */
/* What belongs to a job: its bytes, in rows or named. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

int sqlite_blob_put(struct store *store, uint64_t seq, enum job_blob kind,
	const struct store_blob *blob, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_BLOB_PUT, &stmt, err);

	if (r < 0)
		return r;
	if (blob->bytes > INT64_MAX)
		return err_say(err, EFBIG, "a value of %" PRIu64 " bytes", blob->bytes);
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, kind);
	sqlite_bind_int(stmt, 3, (int64_t)blob->bytes);
	if (blob->file[0] == '\0') {
		sqlite_bind_bytes(stmt, 4, blob->data, (size_t)blob->bytes);
	} else {
		sqlite_bind_text(stmt, 5, blob->file);
		sqlite_bind_bytes(stmt, 6, blob->sha256, sizeof(blob->sha256));
	}
	return sqlite_step(s, stmt, err);
}

/* bytes, data, file, sha256 */
static int blob_of_row(sqlite3_stmt *stmt, struct store_blob *ret, struct err *err)
{
	struct store_blob blob = { .bytes = (uint64_t)sqlite3_column_int64(stmt, 0) };
	const void *data = sqlite3_column_blob(stmt, 1);
	const void *sha256 = sqlite3_column_blob(stmt, 3);

	sqlite_column_text(stmt, 2, blob.file, sizeof(blob.file));
	if (sha256 != NULL)
		memcpy(blob.sha256, sha256, sizeof(blob.sha256));
	if (data != NULL) {
		blob.data = malloc((size_t)blob.bytes);
		if (blob.data == NULL)
			return err_set(err, ENOMEM, "a value of %" PRIu64 " bytes", blob.bytes);
		memcpy(blob.data, data, (size_t)blob.bytes);
	}
	*ret = blob;
	return 0;
}

int sqlite_blob_get(struct store *store, uint64_t seq, enum job_blob kind, struct store_blob *ret,
	struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	struct store_blob blob = { 0 };
	int r = sqlite_prepare(s, ST_BLOB_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, kind);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	if (r > 0)
		r = blob_of_row(stmt, &blob, err);
	if (r < 0)
		return r;
	*ret = blob;
	return 0;
}

int sqlite_blobs_get(
	struct store *store, uint64_t seq, unsigned want, struct store_blob *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_BLOBS_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, want);
	while ((r = sqlite_step(s, stmt, err)) > 0) {
		int kind = sqlite3_column_int(stmt, 4);

		if (kind >= 0 && kind < JOB_BLOB_MAX_)
			r = blob_of_row(stmt, &ret[kind], err);
		if (r < 0)
			return r;
	}
	return r;
}

int sqlite_blob_sizes(struct store *store, uint64_t seq, uint64_t *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	uint64_t sizes[JOB_BLOB_MAX_] = { 0 };
	int r = sqlite_prepare(s, ST_BLOB_SIZES, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	while ((r = sqlite_step(s, stmt, err)) > 0) {
		int kind = sqlite3_column_int(stmt, 0);

		if (kind >= 0 && kind < JOB_BLOB_MAX_)
			sizes[kind] = (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	if (r < 0)
		return r;
	memcpy(ret, sizes, sizeof(sizes));
	return 0;
}
