/* SPDX-License-Identifier: MIT */
#include "retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "queue.h"

#define LONGEST_MS         (60 * 60 * 1000) /* looks again after that at the latest */
#define RETENTION_PAUSE_MS 50               /* between two steps */
#define RETENTION_MORE_MS  5                /* after one that did not remove all */
#define STEP_US            1000             /* others wait so long, about, in a step */
#define STEP_BYTES         (4 * 1024 * 1024)
#define ROW_BYTES_MAX      (JOB_BLOB_MAX_ * BLOB_INLINE_MAX) /* what is more is in files */
#define STEP_LEAST         4

/* Rows on their way out, and the names of their spool files. */
struct doomed {
	struct spool *spool;
	enum gone why;
	size_t n_rows;
	struct store_done row[RETENTION_STEP];
	size_t n, cap;
	char (*file)[STORE_FILE_CHARS + 1]; /* owned */
};

static void free_doomed(void *arg)
{
	struct doomed *doomed = arg;

	free(doomed->file);
	free(doomed);
}

static void free_doomed_p(struct doomed **doomed)
{
	if (*doomed != NULL)
		free_doomed(*doomed);
}

/* A name that finds no memory stays behind as a file without a row: the next start removes it. */
static void note_file(const char *file, void *arg)
{
	struct doomed *doomed = arg;

	if (doomed->n == doomed->cap) {
		size_t cap = doomed->cap == 0 ? 16 : 2 * doomed->cap;
		void *grown = realloc(doomed->file, cap * sizeof(*doomed->file));

		if (grown == NULL)
			return;
		doomed->file = grown;
		doomed->cap = cap;
	}
	memset(doomed->file[doomed->n], 0, sizeof(doomed->file[0]));
	strncpy(doomed->file[doomed->n++], file, STORE_FILE_CHARS);
}

static void remove_files(void *arg)
{
	struct doomed *doomed = arg;

	for (size_t i = 0; i < doomed->n; i++)
		spool_remove(doomed->spool, doomed->file[i]);
}

static void rows_are_gone(struct queue *q, void *arg, bool committed)
{
	__attribute__((__cleanup__(free_doomed_p))) struct doomed *doomed = arg;
	struct err err;

	if (!committed)
		return;
	for (size_t i = 0; i < doomed->n_rows; i++)
		kept_removed(q, &doomed->row[i]);
	q->metrics.removed[doomed->why] += doomed->n_rows;
	if (doomed->n == 0)
		return;
	q->metrics.spool_files -=
		doomed->n < q->metrics.spool_files ? doomed->n : q->metrics.spool_files;
	if (worker_post(q->worker, remove_files, free_doomed, doomed, &err) == 0)
		doomed = NULL;
}

static int delete_rows(struct queue *q, const struct store_done *done, size_t n,
	struct doomed *doomed, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		size_t files = doomed->n;
		int r = store_job_delete(q->store, done[i].seq, note_file, doomed, err);

		if (r == 0)
			doomed->row[doomed->n_rows++] = done[i];
		else if (r == -ESTALE && store_is_shared(q->store))
			doomed->n = files; /* another machine was faster: the files are its, too */
		else
			return r;
	}
	return 0;
}

int retention_remove(
	struct queue *q, const struct store_done *done, size_t n, enum gone why, struct err *err)
{
	__attribute__((__cleanup__(free_doomed_p))) struct doomed *doomed =
		calloc(1, sizeof(*doomed));
	int r;

	if (doomed == NULL)
		return err_set(err, ENOMEM, "retention");
	doomed->spool = q->spool;
	doomed->why = why;
	r = turn_begin(q, err);
	if (r < 0)
		return r;
	r = delete_rows(q, done, n, doomed, err);
	if (r == 0)
		r = turn_after(q, rows_are_gone, doomed, err);
	if (r == 0)
		doomed = NULL;
	else
		turn_spoil(q, err);
	return r;
}

/* --- a step --- */

/* How many rows go in a step: as many as STEP_US are enough for, from what the last ones took. */
static size_t rows_of_step(const struct queue *q)
{
	int64_t n = q->retention_row_us <= 0 ? STEP_LEAST : STEP_US / q->retention_row_us;

	return n < STEP_LEAST ? STEP_LEAST : n > RETENTION_STEP ? RETENTION_STEP : (size_t)n;
}

/* Of the rows, as many as a step may write. */
static size_t within_bytes(const struct store_done *done, size_t n)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < n && bytes < STEP_BYTES; i++)
		bytes += done[i].bytes < ROW_BYTES_MAX ? done[i].bytes : ROW_BYTES_MAX;
	return i;
}

/* Of a client's oldest rows, as many as must go. */
static size_t in_excess(const struct kept_excess *excess, const struct store_done *done, size_t n)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < n && bytes < excess->bytes && i + 1 < excess->client->kept_jobs &&
		    done[i].ended_age_ms <= excess->until_age_ms;
		i++)
		bytes += done[i].bytes + KEPT_ROW_BYTES;
	return i;
}

/* What goes for a bound, of at most limit rows; *n: 0 where nothing has to. */
static int choose_excess(struct queue *q, struct store_done *ret, size_t limit, size_t *n,
	enum gone *ret_why, struct err *err)
{
	struct kept_excess excess;
	int r;

	*n = 0;
	if (!q->kept.stale && !kept_find_excess(q, &excess))
		return 0;
	r = kept_refresh(q, err);
	if (r < 0 || !kept_find_excess(q, &excess))
		return r;
	*ret_why = excess.why;
	r = store_oldest_done(q->store, excess.client->client.name, limit, ret, n, err);
	if (r == 0)
		*n = in_excess(&excess, ret, *n);
	return r;
}

/* One step's rows, and whether the next one comes soon. */
struct choice {
	struct store_done row[RETENTION_STEP];
	size_t n;
	enum gone why;
	bool more;
};

/*
 * A full step of what has expired goes first; then what goes for a bound, until nothing has to:
 * what has expired all the time may not keep the bounds from holding.
 */
static int choose(struct queue *q, struct choice *ret, struct err *err)
{
	struct store_done expired[RETENTION_STEP];
	size_t limit = rows_of_step(q), n = 0;
	int r = store_expired(q->store, age_now(&q->age), limit, expired, &n, err);

	ret->n = 0;
	if (r == 0 && n < limit)
		r = choose_excess(q, ret->row, limit, &ret->n, &ret->why, err);
	if (r < 0)
		return r;
	if (ret->n > 0) {
		ret->n = within_bytes(ret->row, ret->n);
		ret->more = true;
		return 0;
	}
	memcpy(ret->row, expired, n * sizeof(*expired));
	ret->why = GONE_EXPIRED;
	ret->n = within_bytes(expired, n);
	ret->more = n == limit || ret->n < n;
	return 0;
}

/* *ret_more: there was more than one step takes. */
static int remove_some(struct queue *q, bool *ret_more, struct err *err)
{
	struct choice choice;
	int64_t began_us;
	int r = turn_begin(q, err);

	if (r < 0)
		return r;
	began_us = clock_us();
	r = choose(q, &choice, err);
	if (r < 0) {
		turn_spoil(q, err);
		return r;
	}
	*ret_more = choice.more;
	if (choice.n == 0)
		return 0;
	r = retention_remove(q, choice.row, choice.n, choice.why, err);
	if (r < 0)
		return r;
	q->retention_row_us = 1 + (clock_us() - began_us) / (int64_t)choice.n;
	log_info("%zu results removed: %s", choice.n, gone_name(choice.why));
	return 0;
}

static void schedule_in(struct queue *q, int64_t ms)
{
	struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(q->retention, &wait);
	q->retention_due_age_ms = age_now(&q->age) + ms;
}

/* Not at once: what expires meanwhile goes in the same step. Nobody is shown it until then. */
static void schedule_at(struct queue *q, int64_t expires_age_ms)
{
	int64_t ms = expires_age_ms - age_now(&q->age);

	schedule_in(q, ms < RETENTION_PAUSE_MS ? RETENTION_PAUSE_MS
		       : ms > LONGEST_MS       ? LONGEST_MS
					       : ms);
}

static void step(struct queue *q)
{
	struct err err;
	bool more = false;

	if (remove_some(q, &more, &err) < 0)
		schedule_in(q, TURN_RETRY_MS);
	else if (more)
		schedule_in(q, RETENTION_MORE_MS);
	else
		retention_schedule(q);
}

static void on_retention(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	step(arg);
}

int retention_init(struct queue *q, struct err *err)
{
	q->retention = event_new(q->base, -1, 0, on_retention, q);
	q->retention_due_age_ms = INT64_MAX;
	return q->retention == NULL ? err_set(err, ENOMEM, "event") : 0;
}

void retention_expect(struct queue *q, int64_t expires_age_ms)
{
	if (expires_age_ms < q->retention_due_age_ms)
		schedule_at(q, expires_age_ms);
}

void retention_soon(struct queue *q)
{
	if (q->retention_due_age_ms > age_now(&q->age) + RETENTION_PAUSE_MS)
		schedule_in(q, RETENTION_PAUSE_MS);
}

void retention_schedule(struct queue *q)
{
	int64_t next_age_ms;
	struct err err;

	if (store_next_expiry(q->store, &next_age_ms, &err) < 0) {
		log_warning("%s", err.msg);
		next_age_ms = age_now(&q->age) + TURN_RETRY_MS;
	}
	if (next_age_ms == INT64_MAX)
		q->retention_due_age_ms = INT64_MAX;
	else
		schedule_at(q, next_age_ms);
}

int retention_delete(struct queue *q, uint64_t seq, struct err *err)
{
	struct store_done done = { .seq = seq };
	struct store_job row;
	int r = turn_begin(q, err);

	if (r < 0)
		return r;
	r = store_job_get_seq(q->store, seq, &row, err);
	if (r == -ENOENT || (r == 0 && row.state != JOB_DONE))
		return err_say(err, ESTALE, "job %" PRIu64 " is not done", seq);
	if (r < 0) {
		turn_spoil(q, err);
		return r;
	}
	done.bytes = row.bytes;
	done.ended_age_ms = row.expires_age_ms - 1000 * row.retention_s;
	memcpy(done.client, row.client, sizeof(done.client));
	return retention_remove(q, &done, 1, GONE_PURGED, err);
}
