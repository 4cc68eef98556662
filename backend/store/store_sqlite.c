/* SPDX-License-Identifier: MIT */
/*
 * The store in a SQLite file: one process, one writing connection, and a second
 * connection that does nothing but checkpoints, in another thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sqlite.h"
#include "sqlite_vfs.h"

/* --- meta --- */

static int sqlite_meta_get(struct store *store, const char *key, char *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_META_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, key);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	(void)snprintf(ret, STORE_META_MAX + 1, "%s",
		r == 0 ? "" : (const char *)sqlite3_column_text(stmt, 0));
	return 0;
}

static int sqlite_meta_set(struct store *store, const char *key, const char *value, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_META_SET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, key);
	sqlite_bind_text(stmt, 2, value);
	return sqlite_step(s, stmt, err);
}

/* --- jobs --- */

/* JOB_COLUMNS */
static void job_of(sqlite3_stmt *stmt, struct store_job *job)
{
	int n = 0;

	job->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	sqlite_column_id(stmt, n++, &job->id);
	sqlite_column_text(stmt, n++, job->client, sizeof(job->client));
	sqlite_column_text(stmt, n++, job->task, sizeof(job->task));
	job->classic = sqlite3_column_int(stmt, n++) != 0;
	job->state = (enum job_state)sqlite3_column_int(stmt, n++);
	job->verdict = sqlite_column_verdict(stmt, n++);
	job->attempt = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->failures = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->priority = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->cpus = sqlite3_column_int64(stmt, n++);
	job->memory_bytes = sqlite3_column_int64(stmt, n++);
	job->queued_unix_ms = sqlite3_column_int64(stmt, n++);
	job->started_unix_ms = sqlite3_column_int64(stmt, n++);
	job->finished_unix_ms = sqlite3_column_int64(stmt, n++);
	job->retention_s = sqlite3_column_int64(stmt, n++);
	job->expires_age_ms = sqlite3_column_int64(stmt, n++);
	sqlite_column_text(stmt, n++, job->node, sizeof(job->node));
	job->driver = (uint64_t)sqlite3_column_int64(stmt, n++);
	job->lease_until_age_ms = sqlite3_column_int64(stmt, n++);
	sqlite_column_text(stmt, n++, job->image, sizeof(job->image));
	job->isolation = (enum isolation)sqlite3_column_int(stmt, n++);
	sqlite_column_text(stmt, n++, job->error, sizeof(job->error));
	job->bytes = (uint64_t)sqlite3_column_int64(stmt, n++);
	sqlite_column_text(stmt, n++, job->trace, sizeof(job->trace));
	job->callback = sqlite_column_callback(stmt, n);
	if ((unsigned)job->isolation >= ISOLATION_MAX_)
		job->isolation = ISOLATION_CONTAINER;
}

static int sqlite_job_insert(struct store *store, struct store_job *job, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_JOB_INSERT, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_bytes(stmt, 1, job->id.b, JOB_ID_BYTES);
	sqlite_bind_text(stmt, 2, job->client);
	sqlite_bind_text(stmt, 3, job->task);
	sqlite_bind_int(stmt, 4, job->classic ? 1 : 0);
	sqlite_bind_int(stmt, 5, job->priority);
	sqlite_bind_int(stmt, 6, job->cpus);
	sqlite_bind_int(stmt, 7, job->memory_bytes);
	sqlite_bind_int(stmt, 8, job->queued_unix_ms);
	sqlite_bind_int(stmt, 9, job->retention_s);
	sqlite_bind_int(stmt, 10, (int64_t)job->bytes);
	sqlite_bind_text(stmt, 11, job->trace);
	sqlite_bind_int(stmt, 12, job->callback);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	job->seq = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int take_job(struct sqlite *s, sqlite3_stmt *stmt, struct store_job *ret, struct err *err)
{
	int r = sqlite_step(s, stmt, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "no such job");
	job_of(stmt, ret);
	return 0;
}

static int sqlite_job_get(
	struct store *store, const struct job_id *id, struct store_job *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_JOB_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_bytes(stmt, 1, id->b, JOB_ID_BYTES);
	return take_job(s, stmt, ret, err);
}

static int sqlite_job_get_seq(
	struct store *store, uint64_t seq, struct store_job *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_JOB_GET_SEQ, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	return take_job(s, stmt, ret, err);
}

/* --- moves --- */

static int sqlite_job_claim(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
	uint64_t driver, int64_t lease_until_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_JOB_CLAIM, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, attempt);
	sqlite_bind_text(stmt, 3, node);
	sqlite_bind_int(stmt, 4, (int64_t)driver);
	sqlite_bind_int(stmt, 5, lease_until_age_ms);
	return sqlite_step_fenced(s, stmt, seq, err);
}

static int sqlite_job_started(struct store *store, uint64_t seq, uint32_t attempt,
	int64_t started_unix_ms, const char *image, enum isolation isolation, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_JOB_STARTED, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, attempt);
	sqlite_bind_int(stmt, 3, started_unix_ms);
	sqlite_bind_text(stmt, 4, image);
	sqlite_bind_int(stmt, 5, isolation);
	return sqlite_step_fenced(s, stmt, seq, err);
}

static int sqlite_job_requeue(struct store *store, uint64_t seq, uint32_t attempt,
	uint32_t failures, const char *reason, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_JOB_REQUEUE, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, attempt);
	sqlite_bind_int(stmt, 3, failures);
	sqlite_bind_text(stmt, 4, reason);
	return sqlite_step_fenced(s, stmt, seq, err);
}

static int sqlite_job_end(struct store *store, uint64_t seq, uint32_t attempt,
	const struct store_ending *ending, uint64_t added_bytes, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_JOB_END, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, attempt);
	sqlite_bind_int(stmt, 3, ending->from);
	sqlite_bind_int(stmt, 4, ending->verdict);
	sqlite_bind_text(stmt, 5, ending->error);
	sqlite_bind_text(stmt, 6, ending->image);
	sqlite_bind_int(stmt, 7, ending->isolation);
	sqlite_bind_int(stmt, 8, ending->finished_unix_ms);
	sqlite_bind_int(stmt, 9, ending->expires_age_ms);
	sqlite_bind_int(stmt, 10, ending->failures);
	sqlite_bind_int(stmt, 11, (int64_t)added_bytes);
	return sqlite_step_fenced(s, stmt, seq, err);
}

static int sqlite_next_seq(struct store *store, uint64_t *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_NEXT_SEQ, &stmt, err);

	if (r == 0)
		r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = r == 0 ? 1 : (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

static void bind_verdict(sqlite3_stmt *stmt, int n, enum verdict verdict)
{
	if (verdict != VERDICT_MAX_)
		sqlite_bind_int(stmt, n, verdict); /* else NULL: not yet */
}

static int put_row(struct sqlite *s, const struct store_job *row, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int n = 1;
	int r = sqlite_prepare_write(s, ST_JOB_PUT, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, n++, (int64_t)row->seq);
	sqlite_bind_bytes(stmt, n++, row->id.b, JOB_ID_BYTES);
	sqlite_bind_text(stmt, n++, row->client);
	sqlite_bind_text(stmt, n++, row->task);
	sqlite_bind_int(stmt, n++, row->classic ? 1 : 0);
	sqlite_bind_int(stmt, n++, row->state);
	bind_verdict(stmt, n++, row->verdict);
	sqlite_bind_int(stmt, n++, row->attempt);
	sqlite_bind_int(stmt, n++, row->failures);
	sqlite_bind_int(stmt, n++, row->priority);
	sqlite_bind_int(stmt, n++, row->cpus);
	sqlite_bind_int(stmt, n++, row->memory_bytes);
	sqlite_bind_int(stmt, n++, row->queued_unix_ms);
	sqlite_bind_int(stmt, n++, row->started_unix_ms);
	sqlite_bind_int(stmt, n++, row->finished_unix_ms);
	sqlite_bind_int(stmt, n++, row->retention_s);
	sqlite_bind_int(stmt, n++, row->expires_age_ms);
	sqlite_bind_text(stmt, n++, row->node);
	sqlite_bind_int(stmt, n++, (int64_t)row->driver);
	sqlite_bind_int(stmt, n++, row->lease_until_age_ms);
	sqlite_bind_text(stmt, n++, row->image);
	sqlite_bind_int(stmt, n++, row->isolation);
	sqlite_bind_text(stmt, n++, row->error);
	sqlite_bind_int(stmt, n++, (int64_t)row->bytes);
	sqlite_bind_text(stmt, n++, row->trace);
	sqlite_bind_int(stmt, n, row->callback);
	return sqlite_step(s, stmt, err);
}

static int sqlite_job_put(struct store *store, const struct store_job *row, struct err *err)
{
	return put_row(sqlite_of(store), row, err);
}

static int sqlite_job_write(struct store *store, const struct store_write *write, struct err *err)
{
	const struct store_job *row = write->row;
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r;

	if (write->insert)
		return put_row(s, row, err);
	r = sqlite_prepare_write(s, ST_JOB_MOVE, &stmt, err);
	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)row->seq);
	sqlite_bind_int(stmt, 2, write->from_attempt);
	sqlite_bind_int(stmt, 3, write->from);
	sqlite_bind_int(stmt, 4, row->state);
	sqlite_bind_int(stmt, 5, row->attempt);
	sqlite_bind_int(stmt, 6, row->failures);
	sqlite_bind_int(stmt, 7, (int64_t)row->driver);
	sqlite_bind_int(stmt, 8, row->lease_until_age_ms);
	bind_verdict(stmt, 9, row->verdict);
	sqlite_bind_int(stmt, 10, row->finished_unix_ms);
	sqlite_bind_int(stmt, 11, row->expires_age_ms);
	if ((write->events & 1U << STORE_EVENT_RUNNING) != 0)
		sqlite_bind_text(stmt, 12, row->node);
	if ((write->events & (1U << STORE_EVENT_RUNNING | 1U << STORE_EVENT_STARTED)) != 0)
		sqlite_bind_int(stmt, 13, row->started_unix_ms);
	if (row->image[0] != '\0') {
		sqlite_bind_text(stmt, 14, row->image);
		sqlite_bind_int(stmt, 15, row->isolation);
	}
	if ((write->events & 1U << STORE_EVENT_DONE) != 0)
		sqlite_bind_text(stmt, 16, row->error);
	sqlite_bind_int(stmt, 17, (int64_t)row->bytes);
	return sqlite_step_fenced(s, stmt, row->seq, err);
}

static int sqlite_lease_renew(
	struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_LEASE_RENEW, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)driver);
	sqlite_bind_int(stmt, 2, until_age_ms);
	return sqlite_step(s, stmt, err);
}

static int sqlite_event_add(struct store *store, uint64_t seq, uint32_t attempt,
	enum store_event kind, int64_t at_unix_ms, const char *data, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_EVENT_ADD, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	sqlite_bind_int(stmt, 2, attempt);
	sqlite_bind_int(stmt, 3, at_unix_ms);
	sqlite_bind_int(stmt, 4, kind);
	sqlite_bind_text(stmt, 5, data);
	return sqlite_step(s, stmt, err);
}

static int each_of_state(
	struct sqlite *s, enum job_state state, store_job_fn *fn, void *arg, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	struct store_job job;
	int r = sqlite_prepare(s, ST_JOB_OPEN, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, state);
	while ((r = sqlite_step(s, stmt, err)) > 0) {
		job_of(stmt, &job);
		r = fn(&job, arg, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int sqlite_each_open(struct store *store, store_job_fn *fn, void *arg, struct err *err)
{
	int r = each_of_state(sqlite_of(store), JOB_RUNNING, fn, arg, err);

	return r < 0 ? r : each_of_state(sqlite_of(store), JOB_QUEUED, fn, arg, err);
}

/* --- lists --- */

/* ROW_COLUMNS */
static void row_of(sqlite3_stmt *stmt, struct store_row *row)
{
	int n = 0;

	row->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	sqlite_column_id(stmt, n++, &row->id);
	sqlite_column_text(stmt, n++, row->task, sizeof(row->task));
	row->state = (enum job_state)sqlite3_column_int(stmt, n++);
	row->verdict = sqlite_column_verdict(stmt, n++);
	row->priority = (uint32_t)sqlite3_column_int64(stmt, n++);
	row->queued_unix_ms = sqlite3_column_int64(stmt, n++);
	row->started_unix_ms = sqlite3_column_int64(stmt, n++);
	row->finished_unix_ms = sqlite3_column_int64(stmt, n++);
	row->expires_age_ms = sqlite3_column_int64(stmt, n++);
	sqlite_column_text(stmt, n++, row->node, sizeof(row->node));
	sqlite_column_text(stmt, n++, row->client, sizeof(row->client));
	row->callback = sqlite_column_callback(stmt, n);
}

static enum statement list_statement(bool oldest_first, bool by_state, bool by_task, bool by_client)
{
	if (by_client && by_task)
		return oldest_first ? ST_LIST_BOTH_OLD : ST_LIST_BOTH_NEW;
	if (by_client)
		return oldest_first ? ST_LIST_CLIENT_OLD : ST_LIST_CLIENT_NEW;
	if (by_task)
		return oldest_first ? ST_LIST_TASK_OLD : ST_LIST_TASK_NEW;
	if (by_state)
		return oldest_first ? ST_LIST_STATE_OLD : ST_LIST_STATE_NEW;
	return oldest_first ? ST_LIST_OLD : ST_LIST_NEW;
}

static int sqlite_list(struct store *store, bool oldest_first, enum job_state state,
	const char *task, const char *client, uint64_t cursor, size_t limit, struct store_row *ret,
	size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	enum statement which =
		list_statement(oldest_first, state != JOB_STATE_MAX_, task != NULL, client != NULL);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = sqlite_prepare(s, which, &stmt, err);

	if (r < 0)
		return r;
	if (!oldest_first && (cursor == 0 || cursor > INT64_MAX))
		cursor = INT64_MAX;
	sqlite_bind_int(stmt, 1, (int64_t)cursor);
	sqlite_bind_int(stmt, 2, (int64_t)limit);
	if (state != JOB_STATE_MAX_)
		sqlite_bind_int(stmt, 3, state);
	if (task != NULL)
		sqlite_bind_text(stmt, 4, task);
	if (client != NULL)
		sqlite_bind_text(stmt, 5, client);
	while (n < limit && (r = sqlite_step(s, stmt, err)) > 0)
		row_of(stmt, &ret[n++]);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

static int sqlite_each_event(
	struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_EVENTS_OF, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	while ((r = sqlite_step(s, stmt, err)) > 0) {
		r = fn((uint32_t)sqlite3_column_int64(stmt, 0),
			(enum store_event)sqlite3_column_int(stmt, 1),
			sqlite3_column_int64(stmt, 2), (const char *)sqlite3_column_text(stmt, 3),
			arg, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int sqlite_clear(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_CLEAR, &stmt, err);

	return r < 0 ? r : sqlite_step(s, stmt, err);
}

/* --- opening --- */

static void sqlite_close(struct store *store)
{
	struct sqlite *s = sqlite_of(store);

	for (int i = 0; i < ST_MAX_; i++)
		(void)sqlite3_finalize(s->prepared[i]);
	(void)sqlite3_close(s->checkpointer);
	(void)sqlite3_close(s->db); /* the last one: checkpoints and removes the WAL */
	free(s);
}

static int open_all(struct sqlite *s, const char *where, struct err *err)
{
	int r = sqlite_open_connection(where, &s->db, err);

	if (r == 0)
		r = sqlite_check_sound(s->db, where, err);
	if (r == 0)
		r = sqlite_check_schema(s->db, where, err);
	if (r == 0)
		r = sqlite_open_connection(where, &s->checkpointer, err);
	if (r == 0)
		(void)sqlite3_wal_hook(s->db, sqlite_on_wal, s);
	return r;
}

static int sqlite_open(const char *where, const char *node, struct store **ret, struct err *err)
{
	struct sqlite *s;
	int r;

	if (node != NULL)
		return err_say(err, EINVAL, "store: a file cannot be shared by several machines");
	r = sqlite_vfs_register(err);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, ENOMEM, "store");
	s->store.ops = &store_sqlite_ops;
	r = open_all(s, where, err);
	if (r < 0) {
		sqlite_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return 0;
}

const struct store_ops store_sqlite_ops = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.read_begin = sqlite_read_begin,
	.read_end = sqlite_read_end,
	.meta_get = sqlite_meta_get,
	.meta_set = sqlite_meta_set,
	.job_insert = sqlite_job_insert,
	.job_get = sqlite_job_get,
	.job_get_seq = sqlite_job_get_seq,
	.job_put = sqlite_job_put,
	.each_event = sqlite_each_event,
	.clear = sqlite_clear,
	.job_withdraw = sqlite_job_withdraw,
	.key_put = sqlite_key_put,
	.key_get = sqlite_key_get,
	.key_of = sqlite_key_of,
	.key_remove = sqlite_key_remove,
	.client_add = sqlite_client_add,
	.client_delete = sqlite_client_delete,
	.each_client = sqlite_each_client,
	.pause_set = sqlite_pause_set,
	.each_pause = sqlite_each_pause,
	.audit_add = sqlite_audit_add,
	.audit_list = sqlite_audit_list,
	.callback_put = sqlite_callback_put,
	.callback_get = sqlite_callback_get,
	.callback_start = sqlite_callback_start,
	.callbacks_due = sqlite_callbacks_due,
	.next_callback = sqlite_next_callback,
	.callback_move = sqlite_callback_move,
	.callback_end = sqlite_callback_end,
	.job_claim = sqlite_job_claim,
	.job_started = sqlite_job_started,
	.job_requeue = sqlite_job_requeue,
	.job_end = sqlite_job_end,
	.next_seq = sqlite_next_seq,
	.job_write = sqlite_job_write,
	.lease_renew = sqlite_lease_renew,
	.event_add = sqlite_event_add,
	.blob_put = sqlite_blob_put,
	.blob_get = sqlite_blob_get,
	.blob_sizes = sqlite_blob_sizes,
	.blobs_get = sqlite_blobs_get,
	.each_open = sqlite_each_open,
	.list = sqlite_list,
	.expired = sqlite_expired,
	.oldest_done = sqlite_oldest_done,
	.each_kept = sqlite_each_kept,
	.next_expiry = sqlite_next_expiry,
	.job_delete = sqlite_job_delete,
	.file_named = sqlite_file_named,
	.each_file = sqlite_each_file,
	.bytes = sqlite_bytes,
	.wants_checkpoint = sqlite_wants_checkpoint,
	.checkpoint = sqlite_checkpoint,
	.checkpoint_rest = sqlite_checkpoint_rest,
};
