/* SPDX-License-Identifier: MIT */
/* Endings that are announced. */
#include <errno.h>

#include "sqlite.h"

static void bind_due(sqlite3_stmt *stmt, int n, int64_t due_age_ms)
{
	if (due_age_ms != INT64_MAX)
		sqlite_bind_int(stmt, n, due_age_ms); /* else NULL */
}

int sqlite_callback_put(struct store *store, const struct store_callback *callback, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_CALLBACK_PUT, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)callback->seq);
	sqlite_bind_text(stmt, 2, callback->url);
	sqlite_bind_int(stmt, 3, callback->attempts);
	sqlite_bind_int(stmt, 4, callback->ended_age_ms);
	bind_due(stmt, 5, callback->due_age_ms);
	sqlite_bind_text(stmt, 6, callback->error);
	return sqlite_step(s, stmt, err);
}

/* CALLBACK_COLUMNS */
static void callback_of(sqlite3_stmt *stmt, struct store_callback *ret)
{
	int n = 0;

	ret->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	sqlite_column_id(stmt, n++, &ret->id);
	sqlite_column_text(stmt, n++, ret->client, sizeof(ret->client));
	ret->retention_s = sqlite3_column_int64(stmt, n++);
	sqlite_column_text(stmt, n++, ret->url, sizeof(ret->url));
	ret->attempts = (uint32_t)sqlite3_column_int64(stmt, n++);
	ret->ended_age_ms = sqlite3_column_int64(stmt, n++);
	ret->due_age_ms = sqlite3_column_type(stmt, n) == SQLITE_NULL
				  ? INT64_MAX
				  : sqlite3_column_int64(stmt, n);
	sqlite_column_text(stmt, n + 1, ret->error, sizeof(ret->error));
}

int sqlite_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_CALLBACK_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "its ending is not announced");
	callback_of(stmt, ret);
	return 0;
}

int sqlite_callback_start(struct store *store, uint64_t seq, int64_t age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_CALLBACK_START, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, age_ms);
	return sqlite_step(s, stmt, err);
}

int sqlite_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = sqlite_prepare(s, ST_CALLBACKS_DUE, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, age_ms);
	sqlite_bind_int(stmt, 2, (int64_t)limit);
	while (n < limit && (r = sqlite_step(s, stmt, err)) > 0)
		callback_of(stmt, &ret[n++]);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

int sqlite_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_NEXT_CALLBACK, &stmt, err);

	if (r == 0)
		r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	*ret_age_ms = r == 0 || sqlite3_column_type(stmt, 0) == SQLITE_NULL
			      ? INT64_MAX
			      : sqlite3_column_int64(stmt, 0);
	return 0;
}

int sqlite_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_CALLBACK_MOVE, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)callback->seq);
	sqlite_bind_int(stmt, 2, callback->due_age_ms);
	sqlite_bind_int(stmt, 3, due_age_ms);
	sqlite_bind_int(stmt, 4, callback->attempts);
	sqlite_bind_text(stmt, 5, callback->error);
	return sqlite_step_fenced(s, stmt, callback->seq, err);
}

static int end_row(struct sqlite *s, const struct store_callback *callback, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_CALLBACK_END, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)callback->seq);
	sqlite_bind_int(stmt, 2, callback->attempts);
	sqlite_bind_text(stmt, 3, callback->error);
	return sqlite_step_fenced(s, stmt, callback->seq, err);
}

int sqlite_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = end_row(s, callback, err);

	if (r == 0)
		r = sqlite_prepare_write(s, ST_CALLBACK_MARK, &stmt, err);
	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)callback->seq);
	sqlite_bind_int(stmt, 2, state);
	sqlite_bind_int(stmt, 3, expires_age_ms);
	return sqlite_step_fenced(s, stmt, callback->seq, err);
}
