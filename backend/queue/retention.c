/* SPDX-License-Identifier: MIT */
#include "retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "queue.h"

#define LONGEST_MS         (60 * 60 * 1000) /* looks again after that at the latest */
#define RETENTION_PAUSE_MS 50               /* between two steps */
#define RETENTION_MORE_MS  10               /* after one that did not remove all */

/* Names of spool files on their way out. */
struct doomed {
	struct spool *spool;
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

	if (!committed || doomed->n == 0)
		return;
	q->metrics.spool_files -=
		doomed->n < q->metrics.spool_files ? doomed->n : q->metrics.spool_files;
	if (worker_post(q->worker, remove_files, free_doomed, doomed, &err) == 0)
		doomed = NULL;
}

static int delete_some(struct queue *q, struct doomed *doomed, size_t *ret_n, struct err *err)
{
	struct store_done done[RETENTION_STEP];
	size_t n;
	int r = store_expired(q->store, age_now(&q->age), RETENTION_STEP, done, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = store_job_delete(q->store, done[i].seq, note_file, doomed, err);
		if (r == -ESTALE && store_is_shared(q->store))
			r = 0; /* another machine was faster */
	}
	if (r < 0)
		return r;
	q->metrics.expired += n;
	*ret_n = n;
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
	__attribute__((__cleanup__(free_doomed_p))) struct doomed *doomed =
		calloc(1, sizeof(*doomed));
	struct err err;
	size_t n = 0;
	int r = doomed == NULL ? err_set(&err, ENOMEM, "retention") : turn_begin(q, &err);

	if (r == 0) {
		doomed->spool = q->spool;
		r = delete_some(q, doomed, &n, &err);
		if (r < 0)
			turn_spoil(q, &err);
		else if (turn_after(q, rows_are_gone, doomed, &err) == 0)
			doomed = NULL;
	}
	if (n > 0)
		log_info("%zu results expired", n);
	if (r < 0)
		schedule_in(q, TURN_RETRY_MS);
	else if (n == RETENTION_STEP)
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
