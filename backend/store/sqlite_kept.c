/* SPDX-License-Identifier: MIT */
/* The end of a job's stay, and the files that its rows name. */
#include "sqlite.h"

static int take_done(struct sqlite *s, sqlite3_stmt *stmt, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	size_t n = 0;
	int r = 0;

	while (n < limit && (r = sqlite_step(s, stmt, err)) > 0) {
		ret[n].seq = (uint64_t)sqlite3_column_int64(stmt, 0);
		ret[n].bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
		ret[n].ended_age_ms = sqlite3_column_int64(stmt, 2);
		sqlite_column_text(stmt, 3, ret[n].client, sizeof(ret[n].client));
		n++;
	}
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

int sqlite_oldest_done(struct store *store, const char *client, size_t limit,
	struct store_done *ret, size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_OLDEST_DONE, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, client);
	sqlite_bind_int(stmt, 2, (int64_t)limit);
	return take_done(s, stmt, limit, ret, ret_n, err);
}

int sqlite_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	char client[STORE_CLIENT_MAX + 1];
	int r = sqlite_prepare(s, ST_EACH_KEPT, &stmt, err);

	while (r == 0 && (r = sqlite_step(s, stmt, err)) > 0) {
		sqlite_column_text(stmt, 0, client, sizeof(client));
		r = fn(client, (uint64_t)sqlite3_column_int64(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
			arg);
	}
	return r;
}

int sqlite_expired(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_EXPIRED, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, age_ms);
	sqlite_bind_int(stmt, 2, (int64_t)limit);
	return take_done(s, stmt, limit, ret, ret_n, err);
}

int sqlite_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_NEXT_EXPIRY, &stmt, err);

	if (r == 0)
		r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	*ret_age_ms = r == 0 ? INT64_MAX : sqlite3_column_int64(stmt, 0);
	return 0;
}

static int each_file(
	struct sqlite *s, sqlite3_stmt *stmt, store_file_fn *fn, void *arg, struct err *err)
{
	char file[STORE_FILE_CHARS + 1];
	int r;

	while ((r = sqlite_step(s, stmt, err)) > 0) {
		sqlite_column_text(stmt, 0, file, sizeof(file));
		fn(file, arg);
	}
	return r;
}

int sqlite_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *files = NULL;
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_FILES_OF, &files, err);

	if (r < 0)
		return r;
	sqlite_bind_int(files, 1, (int64_t)seq);
	r = each_file(s, files, fn, arg, err);
	if (r == 0)
		r = sqlite_prepare_write(s, ST_JOB_DELETE, &stmt, err);
	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	return sqlite_step_fenced(s, stmt, seq, err);
}

int sqlite_file_named(struct store *store, const char *file, bool *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_FILE_NAMED, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, file);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}

int sqlite_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_EACH_FILE, &stmt, err);

	return r < 0 ? r : each_file(s, stmt, fn, arg, err);
}
