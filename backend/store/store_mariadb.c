/* SPDX-License-Identifier: MIT */
/*
 * The store in a MariaDB database: statements of one writing connection, whose
 * transactions mariadb_session.c keeps alive. Times and numbers are bound as such,
 * all texts as bytes.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <mariadb/mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "mariadb.h"

#define UPKEEP_COMMITS 256 /* between two prunings of the journal */
#define N_OF(cells)    (sizeof(cells) / sizeof((cells)[0]))

static int moved_on(uint64_t seq, struct err *err)
{
	return err_say(err, ESTALE, "job %" PRIu64 " has moved on", seq);
}

/* One row changed, or -ESTALE: somebody else's move came first. */
static int write_fenced(struct mariadb *m, enum statement which, const struct cell *in, size_t n,
	uint64_t seq, struct err *err)
{
	int r = mariadb_write(m, which, in, n, 1, NULL, err);

	if (r == -ESTALE)
		return moved_on(seq, err);
	return r < 0 ? r : mariadb_touch(m, seq, err);
}

static void end_read(struct mariadb *m)
{
	if (m->link != NULL)
		mariadb_finish(m->link);
}

/* The first row of a query. 1: it is there; 0: there is none. end_read() after it. */
static int read_one(
	struct mariadb *m, enum statement which, const struct cell *in, size_t n, struct err *err)
{
	int r = mariadb_read(m, which, in, n, err);

	return r < 0 ? r : mariadb_fetch(m->link, err);
}

/* --- meta --- */

static int mariadb_meta_get(struct store *store, const char *key, char *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_TEXT(key) };
	int r = read_one(m, ST_META_GET, in, N_OF(in), err);

	if (r > 0)
		mariadb_text(m->link, 0, ret, STORE_META_MAX + 1);
	else if (r == 0)
		ret[0] = '\0';
	end_read(m);
	return r < 0 ? r : 0;
}

static int mariadb_meta_set(
	struct store *store, const char *key, const char *value, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(key), CELL_TEXT(value) };

	return mariadb_write(mariadb_of(store), ST_META_SET, in, N_OF(in), MARIADB_ANY, NULL, err);
}

/* --- jobs --- */

static enum verdict verdict_at(const struct mariadb_link *link, unsigned column)
{
	int64_t v = mariadb_int(link, column);

	if (mariadb_is_null(link, column))
		return VERDICT_MAX_;
	return v >= 0 && v < (int)VERDICT_MAX_ ? (enum verdict)v : VERDICT_ENGINE_ERROR;
}

static enum callback_state callback_at(const struct mariadb_link *link, unsigned column)
{
	int64_t v = mariadb_int(link, column);

	return v >= 0 && v < (int)CALLBACK_STATE_MAX_ ? (enum callback_state)v : CALLBACK_NONE;
}

static void job_at(const struct mariadb_link *link, struct store_job *job)
{
	unsigned n = 0;

	job->seq = mariadb_uint(link, n++);
	(void)mariadb_bytes(link, n++, job->id.b, JOB_ID_BYTES);
	mariadb_text(link, n++, job->client, sizeof(job->client));
	mariadb_text(link, n++, job->task, sizeof(job->task));
	job->classic = mariadb_int(link, n++) != 0;
	job->state = (enum job_state)mariadb_int(link, n++);
	job->verdict = verdict_at(link, n++);
	job->attempt = (uint32_t)mariadb_uint(link, n++);
	job->failures = (uint32_t)mariadb_uint(link, n++);
	job->priority = (uint32_t)mariadb_uint(link, n++);
	job->cpus = mariadb_int(link, n++);
	job->memory_bytes = mariadb_int(link, n++);
	job->queued_unix_ms = mariadb_int(link, n++);
	job->started_unix_ms = mariadb_int(link, n++);
	job->finished_unix_ms = mariadb_int(link, n++);
	job->retention_s = mariadb_int(link, n++);
	job->expires_age_ms = mariadb_int(link, n++);
	mariadb_text(link, n++, job->node, sizeof(job->node));
	job->driver = mariadb_uint(link, n++);
	job->lease_until_age_ms = mariadb_int(link, n++);
	mariadb_text(link, n++, job->image, sizeof(job->image));
	job->isolation = (enum isolation)mariadb_int(link, n++);
	mariadb_text(link, n++, job->error, sizeof(job->error));
	job->bytes = mariadb_uint(link, n++);
	mariadb_text(link, n++, job->trace, sizeof(job->trace));
	job->callback = callback_at(link, n);
	if ((unsigned)job->isolation >= ISOLATION_MAX_)
		job->isolation = ISOLATION_CONTAINER;
}

static int mariadb_job_insert(struct store *store, struct store_job *job, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = {
		CELL_NULL(),
		CELL_BYTES(job->id.b, JOB_ID_BYTES),
		CELL_TEXT(job->client),
		CELL_TEXT(job->task),
		CELL_INT(job->classic ? 1 : 0),
		CELL_UINT(job->priority),
		CELL_INT(job->cpus),
		CELL_INT(job->memory_bytes),
		CELL_INT(job->queued_unix_ms),
		CELL_INT(job->retention_s),
		CELL_UINT(job->bytes),
		CELL_TEXT(job->trace),
		CELL_INT(job->callback),
	};
	struct done done;
	int r = mariadb_write(m, ST_JOB_INSERT, in, N_OF(in), MARIADB_ANY, &done, err);

	if (r < 0)
		return r;
	job->seq = done.number;
	return mariadb_touch(m, job->seq, err);
}

static int mariadb_job_put(struct store *store, const struct store_job *row, struct err *err)
{
	const struct cell in[] = {
		CELL_UINT(row->seq),
		CELL_BYTES(row->id.b, JOB_ID_BYTES),
		CELL_TEXT(row->client),
		CELL_TEXT(row->task),
		CELL_INT(row->classic ? 1 : 0),
		CELL_INT(row->state),
		row->verdict == VERDICT_MAX_ ? CELL_NULL() : CELL_INT(row->verdict),
		CELL_UINT(row->attempt),
		CELL_UINT(row->failures),
		CELL_UINT(row->priority),
		CELL_INT(row->cpus),
		CELL_INT(row->memory_bytes),
		CELL_INT(row->queued_unix_ms),
		CELL_INT(row->started_unix_ms),
		CELL_INT(row->finished_unix_ms),
		CELL_INT(row->retention_s),
		CELL_INT(row->expires_age_ms),
		CELL_TEXT(row->node),
		CELL_UINT(row->driver),
		CELL_INT(row->lease_until_age_ms),
		CELL_TEXT(row->image),
		CELL_INT(row->isolation),
		CELL_TEXT(row->error),
		CELL_UINT(row->bytes),
		CELL_TEXT(row->trace),
		CELL_INT(row->callback),
	};
	struct mariadb *m = mariadb_of(store);
	int r = mariadb_write(m, ST_JOB_PUT, in, N_OF(in), 1, NULL, err);

	return r < 0 ? r : mariadb_touch(m, row->seq, err);
}

static int get_job(struct mariadb *m, enum statement which, const struct cell *key,
	struct store_job *ret, struct err *err)
{
	int r = read_one(m, which, key, 1, err);

	if (r > 0)
		job_at(m->link, ret);
	end_read(m);
	if (r < 0)
		return r;
	return r == 0 ? err_say(err, ENOENT, "no such job") : 0;
}

static int mariadb_job_get(
	struct store *store, const struct job_id *id, struct store_job *ret, struct err *err)
{
	const struct cell key[] = { CELL_BYTES(id->b, JOB_ID_BYTES) };

	return get_job(mariadb_of(store), ST_JOB_GET, key, ret, err);
}

static int mariadb_job_get_seq(
	struct store *store, uint64_t seq, struct store_job *ret, struct err *err)
{
	const struct cell key[] = { CELL_UINT(seq) };

	return get_job(mariadb_of(store), ST_JOB_GET_SEQ, key, ret, err);
}

static int mariadb_job_claim(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
	uint64_t driver, int64_t lease_until_age_ms, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell which[] = { CELL_UINT(seq), CELL_UINT(attempt) };
	const struct cell in[] = { CELL_TEXT(node), CELL_UINT(driver), CELL_INT(lease_until_age_ms),
		CELL_UINT(seq), CELL_UINT(attempt) };
	int r = read_one(m, ST_JOB_FREE, which, N_OF(which), err);

	end_read(m);
	if (r == 0)
		return moved_on(seq, err);
	return r < 0 ? r : write_fenced(m, ST_JOB_CLAIM, in, N_OF(in), seq, err);
}

static int mariadb_job_started(struct store *store, uint64_t seq, uint32_t attempt,
	int64_t started_unix_ms, const char *image, enum isolation isolation, struct err *err)
{
	const struct cell in[] = { CELL_INT(started_unix_ms), CELL_TEXT(image), CELL_INT(isolation),
		CELL_UINT(seq), CELL_UINT(attempt) };

	return write_fenced(mariadb_of(store), ST_JOB_STARTED, in, N_OF(in), seq, err);
}

static int mariadb_job_requeue(struct store *store, uint64_t seq, uint32_t attempt,
	uint32_t failures, const char *reason, struct err *err)
{
	const struct cell in[] = { CELL_UINT(failures), CELL_TEXT(reason), CELL_UINT(seq),
		CELL_UINT(attempt) };

	return write_fenced(mariadb_of(store), ST_JOB_REQUEUE, in, N_OF(in), seq, err);
}

static int mariadb_job_end(struct store *store, uint64_t seq, uint32_t attempt,
	const struct store_ending *ending, uint64_t added_bytes, struct err *err)
{
	const char *image = ending->image == NULL ? "" : ending->image;
	const char *error = ending->error == NULL ? "" : ending->error;
	const struct cell in[] = {
		CELL_INT(ending->verdict),
		CELL_TEXT(error),
		CELL_TEXT(image),
		CELL_INT(ending->isolation),
		CELL_TEXT(image),
		CELL_TEXT(image),
		CELL_INT(ending->finished_unix_ms),
		CELL_INT(ending->expires_age_ms),
		CELL_UINT(ending->failures),
		CELL_UINT(added_bytes),
		CELL_UINT(seq),
		CELL_UINT(attempt),
		CELL_INT(ending->from),
	};

	return write_fenced(mariadb_of(store), ST_JOB_END, in, N_OF(in), seq, err);
}

static int mariadb_lease_renew(
	struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err)
{
	const struct cell in[] = { CELL_INT(until_age_ms), CELL_UINT(driver) };

	return mariadb_write(
		mariadb_of(store), ST_LEASE_RENEW, in, N_OF(in), MARIADB_ANY, NULL, err);
}

static int mariadb_event_add(struct store *store, uint64_t seq, uint32_t attempt,
	enum store_event kind, int64_t at_unix_ms, const char *data, struct err *err)
{
	size_t n = strnlen(data, STORE_ERROR_MAX);
	const struct cell in[] = { CELL_UINT(seq), CELL_UINT(attempt), CELL_INT(at_unix_ms),
		CELL_INT(kind), CELL_BYTES(data, n), CELL_UINT(seq), CELL_UINT(attempt) };

	return mariadb_write(mariadb_of(store), ST_EVENT_ADD, in, N_OF(in), 1, NULL, err);
}

static int mariadb_each_event(
	struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(seq) };
	char data[STORE_ERROR_MAX + 1];
	int r = mariadb_read(m, ST_EVENTS_OF, in, N_OF(in), err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		mariadb_text(m->link, 3, data, sizeof(data));
		r = fn((uint32_t)mariadb_uint(m->link, 0),
			(enum store_event)mariadb_int(m->link, 1), mariadb_int(m->link, 2), data,
			arg, err);
	}
	end_read(m);
	return r;
}

static int mariadb_clear(struct store *store, struct err *err)
{
	static const enum statement steps[] = { ST_CLEAR_JOBS, ST_CLEAR_FILES };
	struct mariadb *m = mariadb_of(store);
	struct done done;
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_OF(steps); i++)
		do {
			r = mariadb_write(m, steps[i], NULL, 0, MARIADB_ANY, &done, err);
		} while (r == 0 && done.changed > 0);
	return r < 0 ? r : mariadb_touch(m, 0, err);
}

/* --- lists --- */

static int each_of_state(
	struct mariadb *m, enum job_state state, store_job_fn *fn, void *arg, struct err *err)
{
	struct store_job job;
	uint64_t seq = 0;
	size_t n;
	int r;

	do { /* a page at a time: not all rows are to be in memory at once */
		const struct cell in[] = { CELL_INT(state), CELL_UINT(seq) };

		n = 0;
		r = mariadb_read(m, ST_JOB_OPEN, in, N_OF(in), err);
		while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
			job_at(m->link, &job);
			seq = job.seq;
			n++;
			r = fn(&job, arg, err);
		}
		end_read(m);
	} while (r == 0 && n > 0);
	return r;
}

static int mariadb_each_open(struct store *store, store_job_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	int r = each_of_state(m, JOB_QUEUED, fn, arg, err);

	return r < 0 ? r : each_of_state(m, JOB_RUNNING, fn, arg, err);
}

static void row_at(const struct mariadb_link *link, struct store_row *row)
{
	unsigned n = 0;

	row->seq = mariadb_uint(link, n++);
	(void)mariadb_bytes(link, n++, row->id.b, JOB_ID_BYTES);
	mariadb_text(link, n++, row->task, sizeof(row->task));
	row->state = (enum job_state)mariadb_int(link, n++);
	row->verdict = verdict_at(link, n++);
	row->priority = (uint32_t)mariadb_uint(link, n++);
	row->queued_unix_ms = mariadb_int(link, n++);
	row->started_unix_ms = mariadb_int(link, n++);
	row->finished_unix_ms = mariadb_int(link, n++);
	row->expires_age_ms = mariadb_int(link, n++);
	mariadb_text(link, n++, row->node, sizeof(row->node));
	mariadb_text(link, n++, row->client, sizeof(row->client));
	row->callback = callback_at(link, n);
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

static int mariadb_list(struct store *store, bool oldest_first, enum job_state state,
	const char *task, const char *client, uint64_t cursor, size_t limit, struct store_row *ret,
	size_t *ret_n, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	bool by_state = state != JOB_STATE_MAX_;
	struct cell in[5];
	size_t n_in = 0, n = 0;
	int r;

	if (!oldest_first && (cursor == 0 || cursor > INT64_MAX))
		cursor = INT64_MAX;
	in[n_in++] = CELL_UINT(cursor);
	if (by_state)
		in[n_in++] = CELL_INT(state);
	if (task != NULL)
		in[n_in++] = CELL_TEXT(task);
	if (client != NULL)
		in[n_in++] = CELL_TEXT(client);
	in[n_in++] = CELL_UINT(limit);
	r = mariadb_read(m, list_statement(oldest_first, by_state, task != NULL, client != NULL),
		in, n_in, err);
	while (r == 0 && n < limit && (r = mariadb_fetch(m->link, err)) > 0) {
		row_at(m->link, &ret[n++]);
		r = 0;
	}
	end_read(m);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

/* --- blobs --- */

static int mariadb_blob_put(struct store *store, uint64_t seq, enum job_blob kind,
	const struct store_blob *blob, struct err *err)
{
	bool in_row = blob->file[0] == '\0';
	const struct cell in[] = {
		CELL_UINT(seq),
		CELL_INT(kind),
		CELL_UINT(blob->bytes),
		in_row ? CELL_BYTES(blob->data, (size_t)blob->bytes) : CELL_NULL(),
		in_row ? CELL_NULL() : CELL_TEXT(blob->file),
		in_row ? CELL_NULL() : CELL_BYTES(blob->sha256, sizeof(blob->sha256)),
	};

	if (blob->bytes > INT64_MAX)
		return err_say(err, EFBIG, "a value of %" PRIu64 " bytes", blob->bytes);
	return mariadb_write(mariadb_of(store), ST_BLOB_PUT, in, N_OF(in), 1, NULL, err);
}

static int blob_at(struct mariadb_link *link, struct store_blob *ret, struct err *err)
{
	struct store_blob blob = { .bytes = mariadb_uint(link, 0) };
	int r;

	mariadb_text(link, 2, blob.file, sizeof(blob.file));
	(void)mariadb_bytes(link, 3, blob.sha256, sizeof(blob.sha256));
	if (!mariadb_is_null(link, 1)) {
		if (blob.bytes > BLOB_INLINE_MAX)
			return err_say(err, EIO, "store: a row's value is too long");
		blob.data = malloc(blob.bytes == 0 ? 1 : (size_t)blob.bytes);
		if (blob.data == NULL)
			return err_set(err, ENOMEM, "a value of %" PRIu64 " bytes", blob.bytes);
		r = mariadb_large(link, 1, blob.data, (size_t)blob.bytes, err);
		if (r < 0) {
			free(blob.data);
			return r;
		}
	}
	*ret = blob;
	return 0;
}

static int mariadb_blob_get(struct store *store, uint64_t seq, enum job_blob kind,
	struct store_blob *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(seq), CELL_INT(kind) };
	int r = read_one(m, ST_BLOB_GET, in, N_OF(in), err);

	if (r > 0)
		r = blob_at(m->link, ret, err);
	else if (r == 0)
		*ret = (struct store_blob){ 0 };
	end_read(m);
	return r;
}

static int mariadb_blob_sizes(struct store *store, uint64_t seq, uint64_t *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(seq) };
	uint64_t sizes[JOB_BLOB_MAX_] = { 0 };
	int r = mariadb_read(m, ST_BLOB_SIZES, in, N_OF(in), err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		int64_t kind = mariadb_int(m->link, 0);

		if (kind >= 0 && kind < JOB_BLOB_MAX_)
			sizes[kind] = mariadb_uint(m->link, 1);
		r = 0;
	}
	end_read(m);
	if (r < 0)
		return r;
	memcpy(ret, sizes, sizeof(sizes));
	return 0;
}

/* --- the end of a job's stay --- */

static int read_done(struct mariadb *m, enum statement which, const struct cell in[static 2],
	size_t limit, struct store_done *ret, size_t *ret_n, struct err *err)
{
	size_t n = 0;
	int r = mariadb_read(m, which, in, 2, err);

	while (r == 0 && n < limit && (r = mariadb_fetch(m->link, err)) > 0) {
		ret[n].seq = mariadb_uint(m->link, 0);
		ret[n].bytes = mariadb_uint(m->link, 1);
		ret[n].ended_age_ms = mariadb_int(m->link, 2);
		mariadb_text(m->link, 3, ret[n].client, sizeof(ret[n].client));
		n++;
		r = 0;
	}
	end_read(m);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

static int mariadb_expired(struct store *store, int64_t age_ms, size_t limit,
	struct store_done *ret, size_t *ret_n, struct err *err)
{
	const struct cell in[] = { CELL_INT(age_ms), CELL_UINT(limit) };

	return read_done(mariadb_of(store), ST_EXPIRED, in, limit, ret, ret_n, err);
}

static int mariadb_oldest_done(struct store *store, const char *client, size_t limit,
	struct store_done *ret, size_t *ret_n, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(client), CELL_UINT(limit) };

	return read_done(mariadb_of(store), ST_OLDEST_DONE, in, limit, ret, ret_n, err);
}

static int mariadb_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_INT(JOB_DONE) };
	char client[STORE_CLIENT_MAX + 1];
	int r = mariadb_read(m, ST_EACH_KEPT, in, N_OF(in), err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		mariadb_text(m->link, 0, client, sizeof(client));
		r = fn(client, mariadb_uint(m->link, 1), mariadb_uint(m->link, 2),
			mariadb_int(m->link, 3), arg);
	}
	end_read(m);
	return r;
}

static int mariadb_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_INT(JOB_DONE) };
	int r = read_one(m, ST_NEXT_EXPIRY, in, N_OF(in), err);

	if (r >= 0)
		*ret_age_ms = r == 0 ? INT64_MAX : mariadb_int(m->link, 0);
	end_read(m);
	return r < 0 ? r : 0;
}

static int mariadb_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(seq) };
	char file[STORE_FILE_CHARS + 1];
	int r = mariadb_read(m, ST_FILES_OF, in, N_OF(in), err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		mariadb_text(m->link, 0, file, sizeof(file));
		fn(file, arg);
		r = 0;
	}
	end_read(m);
	if (r == 0)
		r = mariadb_write(m, ST_JOB_DELETE, in, N_OF(in), 1, NULL, err);
	if (r == -ESTALE)
		return moved_on(seq, err);
	return r < 0 ? r : mariadb_touch(m, 0, err); /* nobody follows a job that is done */
}

static int mariadb_file_named(struct store *store, const char *file, bool *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_TEXT(file) };
	int r = read_one(m, ST_FILE_NAMED, in, N_OF(in), err);

	end_read(m);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}

static int mariadb_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	char file[STORE_FILE_CHARS + 1] = "";
	size_t n;
	int r;

	do {
		const struct cell in[] = { CELL_TEXT(file) };

		n = 0;
		r = mariadb_read(m, ST_EACH_FILE, in, N_OF(in), err);
		while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
			mariadb_text(m->link, 0, file, sizeof(file));
			fn(file, arg);
			n++;
			r = 0;
		}
		end_read(m);
	} while (r == 0 && n > 0);
	return r;
}

/* --- upkeep --- */

static uint64_t mariadb_store_bytes(struct store *store)
{
	struct mariadb *m = mariadb_of(store);
	struct err err;
	int r = read_one(m, ST_BYTES, NULL, 0, &err);
	char text[32] = "";

	if (r > 0)
		mariadb_text(m->link, 0, text, sizeof(text));
	end_read(m);
	return strtoull(text, NULL, 10);
}

static bool mariadb_wants_checkpoint(struct store *store)
{
	return __atomic_load_n(&mariadb_of(store)->since_upkeep, __ATOMIC_RELAXED) >=
	       UPKEEP_COMMITS;
}

/* Names are noted before they are removed. */
static int remove_left(struct mariadb_link *link, struct err *err)
{
	char name[100][STORE_FILE_CHARS + 1];
	struct done done;
	size_t n = 0;
	int r = mariadb_query(link, ST_FILES_LEFT, NULL, 0, err);

	while (r == 0 && n < 100 && (r = mariadb_fetch(link, err)) > 0) {
		mariadb_text(link, 0, name[n++], sizeof(name[0]));
		r = 0;
	}
	mariadb_finish(link);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cell in[] = { CELL_TEXT(name[i]) };

		r = mariadb_exec(link, ST_FILE_REMOVE, in, 1, &done, err);
	}
	return r;
}

/* In another thread: old rows of the journal, files that nobody names. */
static int mariadb_upkeep(struct store *store, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	struct mariadb_link *link;
	struct done done;
	int r = mariadb_take(m, &link, err);

	if (r < 0)
		return r;
	r = mariadb_exec(link, ST_JOURNAL_PRUNE, NULL, 0, &done, err);
	if (r == 0)
		r = remove_left(link, err);
	mariadb_put(m, link);
	return r;
}

/* The thread that asked looks again after as many commits, whatever came of it. */
static int mariadb_checkpoint(struct store *store, struct err *err)
{
	__atomic_store_n(&mariadb_of(store)->since_upkeep, 0, __ATOMIC_RELAXED);
	return mariadb_upkeep(store, err);
}

/* --- opening --- */

static void mariadb_store_close(struct store *store)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_TEXT(m->node), CELL_UINT(m->writer) };
	struct done done;
	struct err ignored;

	if (m->link != NULL && m->node[0] != '\0')
		(void)mariadb_exec(m->link, ST_NODE_GONE, in, N_OF(in), &done, &ignored);
	mariadb_drop_connections(m);
	redo_clear(&m->redo);
	free(m->touched);
	(void)pthread_mutex_destroy(&m->lock);
	explicit_bzero(&m->dsn, sizeof(m->dsn));
	free(m);
}

static int open_all(struct mariadb *m, const char *where, struct err *err)
{
	int r = mariadb_dsn_parse(where, &m->dsn, err);

	if (r < 0)
		return err_wrap(err, "the database's connection string");
	if (getrandom(&m->writer, sizeof(m->writer), 0) != (ssize_t)sizeof(m->writer))
		return err_set(err, errno, "getrandom");
	return mariadb_dial(m, &m->link, err);
}

static int mariadb_store_open(
	const char *where, const char *node, struct store **ret, struct err *err)
{
	struct mariadb *m = calloc(1, sizeof(*m));
	int r;

	if (m == NULL || mysql_library_init(0, NULL, NULL) != 0) {
		free(m);
		return err_set(err, ENOMEM, "store");
	}
	m->store.ops = &store_mariadb_ops;
	m->store.shared = node != NULL;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)snprintf(m->node, sizeof(m->node), "%s", node == NULL ? "" : node);
	r = open_all(m, where, err);
	if (r < 0) {
		mariadb_store_close(&m->store);
		return r;
	}
	*ret = &m->store;
	return 0;
}

const struct store_ops store_mariadb_ops = {
	.name = "mariadb",
	.open = mariadb_store_open,
	.close = mariadb_store_close,
	.begin = mariadb_begin,
	.commit = mariadb_commit,
	.rollback = mariadb_rollback,
	.read_begin = mariadb_read_begin,
	.read_end = mariadb_read_end,
	.revive = mariadb_revive,
	.meta_get = mariadb_meta_get,
	.meta_set = mariadb_meta_set,
	.job_insert = mariadb_job_insert,
	.job_get = mariadb_job_get,
	.job_get_seq = mariadb_job_get_seq,
	.job_put = mariadb_job_put,
	.each_event = mariadb_each_event,
	.clear = mariadb_clear,
	.job_withdraw = mariadb_job_withdraw,
	.key_put = mariadb_key_put,
	.key_get = mariadb_key_get,
	.key_of = mariadb_key_of,
	.key_remove = mariadb_key_remove,
	.client_add = mariadb_client_add,
	.client_delete = mariadb_client_delete,
	.each_client = mariadb_each_client,
	.pause_set = mariadb_pause_set,
	.each_pause = mariadb_each_pause,
	.audit_add = mariadb_audit_add,
	.audit_list = mariadb_audit_list,
	.callback_put = mariadb_callback_put,
	.callback_get = mariadb_callback_get,
	.callback_start = mariadb_callback_start,
	.callbacks_due = mariadb_callbacks_due,
	.next_callback = mariadb_next_callback,
	.callback_move = mariadb_callback_move,
	.callback_end = mariadb_callback_end,
	.job_claim = mariadb_job_claim,
	.job_started = mariadb_job_started,
	.job_requeue = mariadb_job_requeue,
	.job_end = mariadb_job_end,
	.lease_renew = mariadb_lease_renew,
	.event_add = mariadb_event_add,
	.blob_put = mariadb_blob_put,
	.blob_get = mariadb_blob_get,
	.blob_sizes = mariadb_blob_sizes,
	.each_open = mariadb_each_open,
	.list = mariadb_list,
	.expired = mariadb_expired,
	.oldest_done = mariadb_oldest_done,
	.each_kept = mariadb_each_kept,
	.next_expiry = mariadb_next_expiry,
	.job_delete = mariadb_job_delete,
	.file_named = mariadb_file_named,
	.each_file = mariadb_each_file,
	.bytes = mariadb_store_bytes,
	.wants_checkpoint = mariadb_wants_checkpoint,
	.checkpoint = mariadb_checkpoint,
	.file_put = mariadb_file_put,
	.file_get = mariadb_file_get,
	.file_remove = mariadb_file_remove,
	.follow_start = mariadb_follow_start,
	.follow = mariadb_follow,
	.age_sync = mariadb_age_sync,
};
