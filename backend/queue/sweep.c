/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "audit.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "fetch.h"
#include "gate.h"
#include "queue.h"
#include "reply.h"
#include "retention.h"
#include "wire/spec.h"

#define PAGE         128  /* rows read at one time */
#define STEP_US      2000 /* then others have their turn */
#define ON_THEIR_WAY 256  /* submits: no more of them at one time */
#define PAUSE_US     5000
#define ALL_MOST     16 /* at one time: what others ask for waits for a step of each */
#define CLIENT_MOST  4

struct sweep {
	TAILQ_ENTRY(sweep) next;
	struct queue *queue;
	struct event *event; /* owned */
	uint64_t gate, number;
	struct msg_sweep ask;
	struct caller who;
	const char *client; /* whose jobs; "" for all */
	struct store_row rows[PAGE];
	size_t n, at;          /* of rows */
	uint64_t cursor, last; /* what comes behind that is not met: it may be our doing */
	uint64_t met, refused;
	bool over; /* there are no more rows */
	bool fetching;
};

static const char *const names[SWEEP_ACT_MAX_] = {
	[SWEEP_CANCEL] = "cancel",
	[SWEEP_PURGE] = "purge",
	[SWEEP_RETRY] = "retry",
};

static void sweep_free(struct sweep *s)
{
	TAILQ_REMOVE(&s->queue->sweeps, s, next);
	if (s->event != NULL)
		event_free(s->event);
	free(s);
}

static void give_up(struct sweep *s, const struct err *err)
{
	if (err != NULL)
		log_error("%s of many: %s", names[s->ask.act], err->msg);
	reply_refused(s->queue, s->gate, s->ask.token, REFUSAL_STORE, NULL, 1);
	sweep_free(s);
}

static void go_on(struct sweep *s, suseconds_t us)
{
	const struct timeval wait = { .tv_usec = us };

	(void)event_add(s->event, &wait);
}

/* --- the end --- */

static void is_noted(struct queue *q, void *arg, bool committed)
{
	struct sweep *s = arg;

	if (!committed) {
		give_up(s, NULL);
		return;
	}
	reply_count(q, s->gate, s->ask.token, s->met, s->refused);
	sweep_free(s);
}

static void put_filter(const struct msg_sweep *ask, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s%s%s%s%s%s", ask->task[0] != '\0' ? " task=" : "", ask->task,
		ask->client[0] != '\0' ? " client=" : "", ask->client,
		ask->label[0] != '\0' ? " label=" : "", ask->label);

	for (unsigned v = 0; v < VERDICT_MAX_ && n > 0 && (size_t)n < size; v++)
		if ((ask->verdicts & 1U << v) != 0)
			n += snprintf(ret + n, size - (size_t)n, " verdict=%s",
				verdict_name((enum verdict)v));
}

static void finish(struct sweep *s)
{
	char filter[400], detail[200];
	struct err err;
	int r;

	put_filter(&s->ask, filter, sizeof(filter));
	(void)snprintf(detail, sizeof(detail), "%" PRIu64 " jobs%.150s", s->met, filter);
	r = audit_note(s->queue, &s->who, names[s->ask.act], "", detail, &err);
	if (r == 0)
		r = turn_after(s->queue, is_noted, s, &err);
	if (r < 0)
		give_up(s, &err);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void all_are_sealed(void *arg)
{
	struct sweep *s = arg;

	if (s->queue->stopping)
		sweep_free(s);
	else
		finish(s);
}

/* Whose bytes the worker puts away is stored when it has come to the end of what it has to do. */
static void end(struct sweep *s)
{
	struct err err;

	if (s->ask.act != SWEEP_RETRY)
		finish(s);
	else if (worker_post(s->queue->worker, nothing, all_are_sealed, s, &err) < 0)
		give_up(s, &err);
}

/* --- a row --- */

static void fetched(struct queue *q, struct fetch *fetch);

/* What it takes to go on with this row is in a shared store's files. */
static int fetch_row(struct sweep *s, const struct store_row *row, struct err *err)
{
	struct answer answer = { .gate = s->gate, .token = s->number };
	unsigned want = 1U << JOB_BLOB_SPEC;
	int r;

	if (s->ask.act == SWEEP_RETRY)
		want |= 1U << JOB_BLOB_INPUT;
	r = fetch_start(s->queue, &row->id, row->seq, 0, want, fetched, &answer, err);
	s->fetching = r == 0;
	return r;
}

static bool has_label(const struct spec *spec, const char *label)
{
	for (size_t i = 0; i + 1 < spec->labels.n; i += 2) {
		size_t n = strlen(spec->labels.v[i]);

		if (strncmp(label, spec->labels.v[i], n) == 0 && label[n] == ':' &&
			strcmp(label + n + 1, spec->labels.v[i + 1]) == 0)
			return true;
	}
	return false;
}

/* A record is mostly in the row; a large one is read from a file. One that cannot be: false. */
static bool record_has_label(const struct blob *record, const char *label)
{
	__attribute__((__cleanup__(spec_done))) struct spec spec;
	cleanup_free uint8_t *data = NULL;
	struct err err;

	spec_init(&spec);
	return blob_read_all(record, SPEC_BYTES_MAX, &data, &err) == 0 &&
	       spec_unpack(data, (size_t)record->len, UINT64_MAX, &spec, &err) == 0 &&
	       has_label(&spec, label);
}

static int stored_label_fits(struct sweep *s, const struct store_row *row, struct err *err)
{
	struct store_blob stored[JOB_BLOB_MAX_] = { 0 };
	struct blob record = BLOB_EMPTY;
	int r = store_blobs_get(s->queue->store, row->seq, 1U << JOB_BLOB_SPEC, stored, err);

	if (r == 0)
		r = spool_read(s->queue->spool, &stored[JOB_BLOB_SPEC], &record, err);
	if (r == 0)
		r = record_has_label(&record, s->ask.label);
	blob_done(&record);
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&stored[kind]);
	return r;
}

/* 1, 0, or negative. */
static int label_fits(
	struct sweep *s, const struct store_row *row, struct fetch *fetch, struct err *err)
{
	const struct store_blob *spec;

	if (s->ask.label[0] == '\0')
		return 1;
	if (fetch == NULL)
		return stored_label_fits(s, row, err);
	if (fetch->r < 0)
		return fetch->r;
	spec = &fetch->stored[JOB_BLOB_SPEC];
	if (spec->file[0] == '\0') /* lent */
		return record_has_label(
			&(struct blob){ .len = spec->bytes, .data = spec->data, .fd = -1 },
			s->ask.label);
	return record_has_label(&fetch->got[JOB_BLOB_SPEC], s->ask.label);
}

static int cancel(struct sweep *s, const struct store_row *row, struct err *err)
{
	struct job *job = jobs_find(&s->queue->jobs, &row->id);
	int r = job == NULL ? -ESTALE : gate_cancel(s->queue, job, err);

	s->met += r == 0;
	return r == -ESTALE ? 0 : r; /* it has just ended, or another machine knows it */
}

static int purge(struct sweep *s, const struct store_row *row, struct err *err)
{
	int r = retention_delete(s->queue, row->seq, err);

	s->met += r == 0;
	return r == -ESTALE ? 0 : r;
}

static int retry(struct sweep *s, const struct store_row *row, struct fetch *fetch, struct err *err)
{
	struct store_job whole;
	bool taken = false;
	int r = store_job_get_seq(s->queue->store, row->seq, &whole, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0) /* nobody is told of each one */
		r = again_submit(s->queue, 0, 0, 0, &whole, fetch, &s->who, &taken, err);
	if (r == 0 && taken)
		s->met++;
	else if (r == 0 || r == -ENODATA)
		s->refused++;
	return r == -ENODATA ? 0 : r;
}

static bool fits(const struct sweep *s, const struct store_row *row)
{
	if (!caller_may(&s->who, row->client))
		return false;
	if (s->ask.verdicts != 0 && (row->state != JOB_DONE || row->verdict >= VERDICT_MAX_ ||
					    (s->ask.verdicts & 1U << row->verdict) == 0))
		return false;
	return row->state != JOB_DONE || row->expires_age_ms > age_now(&s->queue->age);
}

static int deal_with(
	struct sweep *s, const struct store_row *row, struct fetch *fetch, struct err *err)
{
	int r = fits(s, row) ? label_fits(s, row, fetch, err) : 0;

	if (r <= 0)
		return r;
	switch ((enum sweep_act)s->ask.act) {
	case SWEEP_CANCEL:
		return cancel(s, row, err);
	case SWEEP_PURGE:
		return purge(s, row, err);
	case SWEEP_RETRY:
		return retry(s, row, fetch, err);
	case SWEEP_ACT_MAX_:
		break;
	}
	return 0;
}

/* --- a step --- */

static void is_over(struct queue *q, void *arg, bool committed)
{
	struct sweep *s = arg;

	(void)q;
	if (!committed)
		give_up(s, NULL);
	else if (s->fetching)
		return;
	else if (s->over)
		end(s);
	else
		go_on(s, s->ask.act == SWEEP_RETRY && q->n_submits > ON_THEIR_WAY ? PAUSE_US : 0);
}

static int read_page(struct sweep *s, struct err *err)
{
	int r = store_list(s->queue->store, true, s->ask.states, s->ask.task, s->client, s->cursor,
		PAGE, s->rows, &s->n, err);

	s->at = 0;
	if (r < 0)
		return r;
	while (s->n > 0 && s->rows[s->n - 1].seq > s->last)
		s->n--;
	if (s->n > 0)
		s->cursor = s->rows[s->n - 1].seq;
	s->over = s->n == 0;
	return 0;
}

/* The newest job there is. */
static int find_last(struct sweep *s, struct err *err)
{
	int r = store_list(s->queue->store, false, 0, NULL, NULL, 0, 1, s->rows, &s->n, err);

	if (r < 0)
		return r;
	s->last = s->n == 0 ? 0 : s->rows[0].seq;
	s->n = 0;
	return 0;
}

static int step(struct sweep *s, struct err *err)
{
	int64_t end_us = clock_us() + STEP_US;
	int r = s->cursor == 0 ? find_last(s, err) : 0;

	if (r == 0 && s->at == s->n)
		r = read_page(s, err);

	while (r == 0 && s->at < s->n && clock_us() < end_us) {
		r = deal_with(s, &s->rows[s->at], NULL, err);
		if (r == -EINPROGRESS)
			return fetch_row(s, &s->rows[s->at], err);
		s->at++;
	}
	return r;
}

static void end_step(struct sweep *s, int r, struct err *err)
{
	if (r == 0)
		r = turn_after(s->queue, is_over, s, err);
	if (r < 0)
		give_up(s, err);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *s = arg;
	struct queue *q = s->queue;
	struct err err = { 0 };

	(void)fd;
	(void)what;
	turn_flush(q); /* the rows say all that there is */
	if (!q->store_up || q->stale || !caller_is_good(&s->who))
		give_up(s, NULL);
	else
		end_step(s, step(s, &err), &err);
}

static void fetched(struct queue *q, struct fetch *fetch)
{
	struct sweep *s;
	struct err err = fetch->err;
	int r;

	turn_flush(q); /* its last step is over, and may have ended it */
	TAILQ_FOREACH (s, &q->sweeps, next)
		if (s->number == fetch->answer.token)
			break;
	if (s == NULL)
		return;
	s->fetching = false;
	r = !q->store_up ? -EIO : deal_with(s, &s->rows[s->at], fetch, &err);
	s->at++;
	end_step(s, r == -ENODATA ? 0 : r, &err);
}

/* --- the beginning --- */

/* Whose jobs; false: refused. Who is nobody shares his name with everybody. */
static bool whose(struct sweep *s)
{
	const char *own = s->who.client->client.name;

	if (s->who.is_operator) {
		s->client = s->ask.client;
		return true;
	}
	s->client = own;
	if (own[0] == '\0')
		reply_refused(s->queue, s->gate, s->ask.token, REFUSAL_FORBIDDEN,
			"only operators, and clients with a token, do that to many jobs at once",
			0);
	else if (s->ask.client[0] != '\0' && strcmp(s->ask.client, own) != 0)
		reply_refused(s->queue, s->gate, s->ask.token, REFUSAL_FORBIDDEN,
			"client: only operators reach the jobs of others", 0);
	else
		return true;
	return false;
}

/* Is it, of those that are on their way, one that may be? False: refused. */
static bool has_room(struct sweep *s)
{
	const struct sweep *other;
	size_t all = 0, own = 0;

	TAILQ_FOREACH (other, &s->queue->sweeps, next) {
		all++;
		own += other->who.client == s->who.client;
	}
	if (all <= ALL_MOST && own <= CLIENT_MOST)
		return true;
	reply_refused(s->queue, s->gate, s->ask.token, REFUSAL_OVER_SHARE,
		own > CLIENT_MOST ? "this client's other calls for many jobs have not ended"
				  : "too many calls for many jobs have not ended",
		1);
	return false;
}

void sweep_begin(struct queue *q, uint64_t gate, const struct msg_sweep *ask)
{
	static uint64_t number;
	struct caller who;
	struct sweep *s;

	if (!CALLER_OF(q, gate, ask, false, &who))
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		reply_refused(q, gate, ask->token, REFUSAL_STORE, "out of memory", 1);
		return;
	}
	*s = (struct sweep){
		.queue = q, .gate = gate, .number = ++number, .ask = *ask, .who = who
	};
	TAILQ_INSERT_TAIL(&q->sweeps, s, next);
	s->event = event_new(q->base, -1, 0, on_step, s);
	if (s->event == NULL)
		give_up(s, NULL);
	else if (!whose(s) || !has_room(s))
		sweep_free(s);
	else
		go_on(s, 0);
}

void sweep_done(struct queue *q)
{
	struct sweep *s;

	while ((s = TAILQ_FIRST(&q->sweeps)) != NULL)
		sweep_free(s);
}

/* --- one job --- */

struct purged {
	uint64_t gate, token;
};

static void is_purged(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct purged *purged = arg;

	if (committed)
		reply_count(q, purged->gate, purged->token, 1, 0);
	else
		reply_refused(q, purged->gate, purged->token, REFUSAL_STORE, NULL, 1);
}

static int purge_job(struct queue *q, const struct store_job *row, const struct caller *who,
	uint64_t gate, uint64_t token, struct err *err)
{
	struct purged *purged = malloc(sizeof(*purged));
	int r = purged == NULL ? err_set(err, ENOMEM, "purge") : retention_delete(q, row->seq, err);

	if (r == 0)
		r = audit_note(q, who, "purge", queue_short_id(&row->id).text, "", err);
	if (r == 0) {
		*purged = (struct purged){ gate, token };
		r = turn_after(q, is_purged, purged, err);
	}
	if (r < 0)
		free(purged);
	return r;
}

void sweep_one(struct queue *q, uint64_t gate, const struct msg_job_purge *ask)
{
	struct store_job row;
	struct caller who;
	struct err err;
	int r;

	if (!CALLER_OF(q, gate, ask, false, &who))
		return;
	turn_flush(q); /* what has ended is in the store */
	r = store_job_get(q->store, &ask->id, &row, &err);
	if (r == 0 && (!caller_may(&who, row.client) ||
			      (row.state == JOB_DONE && row.expires_age_ms <= age_now(&q->age))))
		r = -ENOENT;
	if (r == 0 && row.state != JOB_DONE) {
		reply_refused(q, gate, ask->token, REFUSAL_CONFLICT,
			"the job has not ended: cancel it", 0);
		return;
	}
	if (r == 0)
		r = purge_job(q, &row, &who, gate, ask->token, &err);
	if (r == -ENOENT || r == -ESTALE)
		reply_refused(q, gate, ask->token, REFUSAL_NOT_FOUND, NULL, 0);
	else if (r < 0)
		reply_refused(q, gate, ask->token, REFUSAL_STORE, NULL, 1);
}
