/* SPDX-License-Identifier: MIT */
/*
 * A job's life in the store. Each step is a transaction; where one fails it is rolled back, and
 * the row must say what it said before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "scenario.h"
#include "store/store.h"

#define FILE_NAME "jobs.db"

/*
 * The caller's mistakes, what would be a verdict over the row, and what nobody but the operator
 * could mend: a damaged file, a missing right.
 */
static const int answers[] = { EINVAL, ENOENT, ESTALE, EEXIST, EPROTO, EBADMSG, EUCLEAN, EACCES,
	0 };

static struct store *store;
static struct store_job job; /* each run's own, made by what comes before its step */

static int open_it(struct err *err)
{
	int r;

	if (store != NULL)
		return 0;
	r = store_open("sqlite", FILE_NAME, &store, err);
	if (r < 0)
		store = NULL;
	return r;
}

static int set_up(void)
{
	struct err err;

	return open_it(&err);
}

/* The world before the step, and what is looked at after it, are not what is tried. */
static void spare(bool on)
{
	fault_spared = on;
}

static void row_of(struct store_job *ret)
{
	bool spared = fault_spared;
	struct err err;

	*ret = (struct store_job){ .cpus = 1000, .memory_bytes = 1 << 20, .retention_s = 60 };
	spare(true);
	WANT(job_id_new(&ret->id, &err) == 0);
	spare(spared);
	(void)snprintf(ret->task, sizeof(ret->task), "t");
}

static int commit(int r, struct err *err)
{
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

static int insert(struct err *err)
{
	const struct store_blob blobs[JOB_BLOB_MAX_] = {
		[JOB_BLOB_SPEC] = { .bytes = 4, .data = (uint8_t[]){ 1, 2, 3, 4 } }
	};
	int r;

	row_of(&job);
	r = store_begin(store, err);
	return r < 0 ? r : commit(store_job_insert(store, &job, blobs, err), err);
}

static int claim(struct err *err)
{
	int r = store_begin(store, err);

	return r < 0 ? r : commit(store_job_claim(store, job.seq, 0, "n", 7, 5, err), err);
}

static int started(struct err *err)
{
	int r = store_begin(store, err);

	return r < 0 ? r
		     : commit(store_job_started(
				      store, job.seq, 1, 99, "sha256:1", ISOLATION_CONTAINER, err),
			       err);
}

static int end_it(struct err *err)
{
	const struct store_ending ending = { .from = JOB_RUNNING,
		.verdict = VERDICT_OK,
		.image = "sha256:1",
		.finished_unix_ms = 99,
		.expires_age_ms = 10 };
	const struct store_blob blobs[JOB_BLOB_MAX_] = { [JOB_BLOB_RESULT] = { .bytes = 2,
								 .data = (uint8_t[]){ 7, 8 } },
		[JOB_BLOB_OUT] = { .bytes = 3, .data = (uint8_t[]){ 'o', 'u', 't' } } };
	int r = store_begin(store, err);

	return r < 0 ? r : commit(store_job_end(store, job.seq, 1, &ending, blobs, err), err);
}

/* A job that came and ended within one turn: one row, one statement. */
static int write_whole(struct err *err)
{
	const struct store_blob blobs[JOB_BLOB_MAX_] = {
		[JOB_BLOB_SPEC] = { .bytes = 4, .data = (uint8_t[]){ 1, 2, 3, 4 } }
	};
	const struct store_blob results[JOB_BLOB_MAX_] = {
		[JOB_BLOB_OUT] = { .bytes = 3, .data = (uint8_t[]){ 'o', 'u', 't' } }
	};
	struct store_write write = { .insert = true,
		.events = 1U << STORE_EVENT_QUEUED | 1U << STORE_EVENT_RUNNING |
			  1U << STORE_EVENT_DONE,
		.row = &job,
		.blobs = blobs,
		.results = results };
	int r;

	row_of(&job);
	job.state = JOB_DONE;
	job.verdict = VERDICT_OK;
	job.attempt = 1;
	job.expires_age_ms = 10;
	r = store_begin(store, err);
	if (r < 0)
		return r;
	r = store_next_seq(store, &job.seq, err);
	return commit(r < 0 ? r : store_job_write(store, &write, err), err);
}

static void no_file(const char *file, void *arg)
{
	(void)arg;
	WANT(file == NULL);
}

static int remove_it(struct err *err)
{
	int r = store_begin(store, err);

	return r < 0 ? r : commit(store_job_delete(store, job.seq, no_file, NULL, err), err);
}

static int check_blobs(unsigned want, struct err *err)
{
	struct store_blob blobs[JOB_BLOB_MAX_];
	int r = store_blobs_get(store, job.seq, want, blobs, err);

	if (r < 0)
		return r;
	WANT(blobs[JOB_BLOB_SPEC].bytes == 4);
	WANT(blobs[JOB_BLOB_OUT].bytes == 3 && memcmp(blobs[JOB_BLOB_OUT].data, "out", 3) == 0);
	for (int i = 0; i < JOB_BLOB_MAX_; i++)
		store_blob_done(&blobs[i]);
	return 0;
}

static int read_it(struct err *err)
{
	struct store_job row;
	struct store_row rows[2];
	struct store_done done[2];
	size_t n = 0;
	int r = store_read_begin(store, err);

	if (r < 0)
		return r;
	r = store_job_get(store, &job.id, &row, err);
	if (r == 0)
		WANT(row.seq == job.seq && row.state == JOB_DONE && row.verdict == VERDICT_OK);
	if (r == 0)
		r = check_blobs(WANT_ALL << 1 | 1, err);
	if (r == 0)
		r = store_list(store, false, 0, NULL, NULL, 0, 2, rows, &n, err);
	if (r == 0)
		WANT(n == 1 && rows[0].seq == job.seq);
	if (r == 0)
		r = store_expired(store, 11, 2, done, &n, err);
	if (r == 0)
		WANT(n == 1 && done[0].seq == job.seq);
	store_read_end(store);
	return r;
}

/* ---- one step each ---- */

static bool is_there(struct store_job *ret)
{
	struct err err = { 0 };
	int r = store_job_get(store, &job.id, ret, &err);

	WANT(r == 0 || r == -ENOENT);
	return r == 0;
}

static void steps(int (*const *step)(struct err *err), size_t n)
{
	struct err err;

	spare(true);
	for (size_t i = 0; i < n; i++)
		WANT(step[i](&err) == 0);
	spare(false);
}

#define STEPS(...)                                                           \
	do {                                                                 \
		static int (*const made_[])(struct err *) = { __VA_ARGS__ }; \
		steps(made_, sizeof(made_) / sizeof(made_[0]));              \
	} while (0)

static void clear(void)
{
	struct err err;

	WANT(!store_in_transaction(store));
	WANT(store_begin(store, &err) == 0 && store_clear(store, &err) == 0 &&
		store_commit(store, &err) == 0);
	spare(false);
}

/* A step that failed has changed nothing, one that did not is there; whatever it was. */
static int try_step(int (*step)(struct err *err), bool before, enum job_state from, bool after,
	enum job_state to, struct err *err)
{
	struct store_job row = { 0 };
	int r = step(err);
	bool there;

	spare(true);
	there = is_there(&row);
	WANT(there == (r < 0 ? before : after));
	if (there)
		WANT(row.state == (r < 0 ? from : to));
	/* Once more, undisturbed: it is as if it had not been tried. */
	if (r < 0) {
		struct err again;

		WANT(step(&again) == 0);
		WANT(is_there(&row) == after);
		if (after)
			WANT(row.state == to);
	}
	clear();
	return r;
}

static int try_insert(struct err *err)
{
	return try_step(insert, false, 0, true, JOB_QUEUED, err);
}

static int try_claim(struct err *err)
{
	STEPS(insert);
	return try_step(claim, true, JOB_QUEUED, true, JOB_RUNNING, err);
}

static int try_started(struct err *err)
{
	STEPS(insert, claim);
	return try_step(started, true, JOB_RUNNING, true, JOB_RUNNING, err);
}

static int try_end(struct err *err)
{
	STEPS(insert, claim, started);
	return try_step(end_it, true, JOB_RUNNING, true, JOB_DONE, err);
}

static int try_write(struct err *err)
{
	return try_step(write_whole, false, 0, true, JOB_DONE, err);
}

static int try_remove(struct err *err)
{
	STEPS(insert, claim, started, end_it);
	return try_step(remove_it, true, JOB_DONE, false, 0, err);
}

static int try_read(struct err *err)
{
	STEPS(insert, claim, started, end_it);
	return try_step(read_it, true, JOB_DONE, true, JOB_DONE, err);
}

static int checkpoint(struct err *err)
{
	int r = store_checkpoint(store, err);

	return r < 0 ? r : store_checkpoint_rest(store, err);
}

static int try_checkpoint(struct err *err)
{
	STEPS(insert, claim, started, end_it);
	return try_step(checkpoint, true, JOB_DONE, true, JOB_DONE, err);
}

/* ---- the whole ---- */

static int life(struct err *err)
{
	static int (*const all[])(
		struct err *) = { open_it, insert, claim, started, end_it, read_it, remove_it };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(all) / sizeof(all[0]); i++)
		r = all[i](err);
	if (store != NULL && r < 0)
		store_rollback(store);
	store_close(store);
	store = NULL;
	spare(true);
	STEPS(open_it);
	spare(true);
	clear();
	store_close(store);
	store = NULL;
	return r;
}

static int make_new(struct err *err)
{
	int r;

	(void)unlink(FILE_NAME);
	(void)unlink(FILE_NAME "-wal");
	(void)unlink(FILE_NAME "-shm");
	r = open_it(err);
	if (r == 0)
		r = insert(err);
	store_close(store);
	store = NULL;
	return r;
}

const struct scenario store_scenarios[] = { { "store-insert", set_up, try_insert, answers },
	{ "store-claim", set_up, try_claim, answers },
	{ "store-started", set_up, try_started, answers },
	{ "store-end", set_up, try_end, answers }, { "store-write", set_up, try_write, answers },
	{ "store-read", set_up, try_read, answers },
	{ "store-remove", set_up, try_remove, answers },
	{ "store-checkpoint", set_up, try_checkpoint, answers },
	{ "store-life", NULL, life, answers }, { "store-new", NULL, make_new, answers }, { 0 } };
