/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "estimate.h"
#include "fetch.h"
#include "pause.h"
#include "queue.h"
#include "wire/listing.h"

#define LIST_STEP 1000 /* rows read before others have their turn */
#define STEP_ROWS 10   /* what a step costs besides its rows */

static struct gate *gate_of(struct queue *q, uint64_t number)
{
	struct gate *gate;

	TAILQ_FOREACH (gate, &q->gates, next) {
		if (gate->number == number)
			return gate->closed ? NULL : gate;
	}
	return NULL;
}

void reply_send(struct queue *q, uint64_t number, const struct msg *msg)
{
	struct gate *gate = gate_of(q, number);
	struct err err;

	if (gate == NULL)
		return; /* it has left meanwhile */
	if (channel_send(gate->ch, msg, &err) == 0)
		return;
	log_warning("%s to the gateway was dropped: %s", msg_name(msg->type), err.msg);
	channel_break(gate->ch, &err);
}

void reply_refused(struct queue *q, uint64_t gate, uint64_t token, enum refusal why,
	const char *detail, uint32_t retry_after_s)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_REFUSED);
	msg.refused.token = token;
	msg.refused.why = (uint8_t)why;
	(void)snprintf(msg.refused.detail, sizeof(msg.refused.detail), "%s",
		detail == NULL ? refusal_text(why) : detail);
	msg.refused.retry_after_s = retry_after_s;
	reply_send(q, gate, &msg);
}

void reply_count(struct queue *q, uint64_t gate, uint64_t token, uint64_t n, uint64_t refused)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_DONE);
	msg.done.token = token;
	msg.done.n = n;
	msg.done.refused = refused;
	reply_send(q, gate, &msg);
}

static void refuse_read(struct queue *q, const struct answer *answer, const struct err *err)
{
	if (err->code == ENOENT) {
		reply_refused(q, answer->gate, answer->token, REFUSAL_NOT_FOUND, NULL, 0);
		return;
	}
	log_error("job=%s cannot be read: %s", queue_short_id(&answer->id).text, err->msg);
	reply_refused(q, answer->gate, answer->token, REFUSAL_STORE, NULL, 1);
}

/* A blob of a message from one of the store, whose bytes it takes over. */
static int take_blob(struct queue *q, struct store_blob *stored, struct blob *ret, struct err *err)
{
	if (stored->file[0] != '\0')
		return spool_read(q->spool, stored, ret, err);
	*ret = (struct blob){ .len = stored->bytes, .data = TAKE_PTR(stored->data), .fd = -1 };
	return 0;
}

/* Bits of job blobs for what a message wants. */
static unsigned wanted_blobs(uint32_t want)
{
	return (want & WANT_SPEC ? 1U << JOB_BLOB_SPEC : 0) |
	       (want & WANT_RESULT ? 1U << JOB_BLOB_RESULT : 0) |
	       (want & WANT_OUT ? 1U << JOB_BLOB_OUT : 0) |
	       (want & WANT_ERR ? 1U << JOB_BLOB_ERR : 0) |
	       (want & WANT_FILES ? 1U << JOB_BLOB_FILES : 0);
}

static struct blob *blob_of_kind(struct msg_job *job, int kind)
{
	struct blob *const blobs[JOB_BLOB_MAX_] = {
		[JOB_BLOB_SPEC] = &job->spec,
		[JOB_BLOB_RESULT] = &job->result,
		[JOB_BLOB_OUT] = &job->out,
		[JOB_BLOB_ERR] = &job->err,
		[JOB_BLOB_FILES] = &job->files,
	};

	return blobs[kind];
}

/* `fetch`: brought here before; NULL: what is at hand, else -EINPROGRESS. */
static int fill_blobs(struct queue *q, uint64_t seq, uint32_t want, struct fetch *fetch,
	struct msg_job *job, struct err *err)
{
	struct store_blob stored[JOB_BLOB_MAX_];
	unsigned wanted = wanted_blobs(want);
	int r = store_blobs_get(q->store, seq, fetch == NULL ? wanted : 0, stored, err);

	if (r < 0)
		return r;
	job->out_bytes = stored[JOB_BLOB_OUT].bytes;
	job->err_bytes = stored[JOB_BLOB_ERR].bytes;
	job->files_bytes = stored[JOB_BLOB_FILES].bytes;
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		if (r == 0 && (wanted & 1U << kind) != 0 && stored[kind].bytes > 0)
			r = fetch != NULL
				    ? fetch_take(fetch, (enum job_blob)kind,
					      blob_of_kind(job, kind), err)
				    : take_blob(q, &stored[kind], blob_of_kind(job, kind), err);
		store_blob_done(&stored[kind]);
	}
	return r;
}

static void fill_place(struct queue *q, const struct job *job, struct msg_job *ret)
{
	ret->position = jobs_position(&q->jobs, job);
	ret->estimated_ms = estimate_start_of(q, job, ret->position);
}

static void fill_row(struct queue *q, const struct store_job *row, struct msg_job *job)
{
	const struct job *open = jobs_find(&q->jobs, &row->id);

	job->id = row->id;
	job->seq = row->seq;
	(void)snprintf(job->task, sizeof(job->task), "%s", row->task);
	job->state = (uint8_t)row->state;
	job->verdict = (uint8_t)row->verdict;
	job->attempt = row->attempt;
	if (open != NULL)
		fill_place(q, open, job);
	job->queued_ms = row->queued_unix_ms;
	job->started_ms = row->started_unix_ms;
	job->finished_ms = row->finished_unix_ms;
	(void)snprintf(job->node, sizeof(job->node), "%s", row->node);
	(void)snprintf(job->image, sizeof(job->image), "%s", row->image);
	job->isolation = (uint8_t)row->isolation;
	memcpy(job->trace, row->trace, sizeof(job->trace));
	job->callback = (uint8_t)row->callback;
	if (row->state == JOB_DONE) {
		(void)snprintf(job->error, sizeof(job->error), "%s", row->error);
		job->expires_ms = clock_unix_ms() + row->expires_age_ms - age_now(&q->age);
	}
}

/* How far the announcing of its ending is. */
static int fill_callback(
	struct queue *q, const struct store_job *row, struct msg_job *job, struct err *err)
{
	struct store_callback callback;
	int r;

	if (row->callback == CALLBACK_NONE)
		return 0;
	r = store_callback_get(q->store, row->seq, &callback, err);
	if (r < 0)
		return r;
	job->callback_attempts = callback.attempts;
	if (callback.due_age_ms != INT64_MAX)
		job->callback_next_ms = clock_unix_ms() + callback.due_age_ms - age_now(&q->age);
	(void)snprintf(job->callback_error, sizeof(job->callback_error), "%s", callback.error);
	return 0;
}

/* A waiting job of which nobody wants bytes is answered from memory. */
static bool fill_from_memory(struct queue *q, const struct answer *answer, struct msg_job *msg)
{
	const struct job *job = jobs_find(&q->jobs, &answer->id);

	if (job == NULL || q->stale || job->state != JOB_QUEUED || job->announced ||
		(answer->want & WANT_SPEC) != 0 ||
		!caller_may(&answer->who, job->client->client.name))
		return false;
	msg->id = job->id;
	msg->seq = job->seq;
	(void)snprintf(msg->task, sizeof(msg->task), "%s", jobs_task_name(&q->jobs, job));
	msg->state = JOB_QUEUED;
	msg->verdict = VERDICT_MAX_;
	msg->attempt = job->attempt;
	fill_place(q, job, msg);
	msg->queued_ms = job->queued_unix_ms;
	memcpy(msg->trace, job->trace, sizeof(msg->trace));
	return true;
}

static int fill_from_store(struct queue *q, const struct answer *answer, struct fetch *fetch,
	struct msg_job *msg, struct err *err)
{
	struct store_job row;
	int r = store_job_get(q->store, &answer->id, &row, err);

	if (r < 0)
		return r;
	if ((row.state == JOB_DONE && row.expires_age_ms <= age_now(&q->age)) ||
		!caller_may(&answer->who, row.client))
		return err_say(err, ENOENT, "expired, or somebody else's");
	fill_row(q, &row, msg);
	r = fill_callback(q, &row, msg, err);
	if (r < 0)
		return r;
	return fill_blobs(q, row.seq, answer->want, fetch, msg, err);
}

static int fill_job(struct queue *q, const struct answer *answer, struct fetch *fetch,
	struct msg_job *msg, struct err *err)
{
	int r;

	if (fill_from_memory(q, answer, msg))
		return 0;
	r = store_read_begin(q->store, err);
	if (r == 0)
		r = fill_from_store(q, answer, fetch, msg, err);
	store_read_end(q->store);
	return r;
}

static void reply_fetched(struct queue *q, struct fetch *fetch);

static void reply_with(struct queue *q, const struct answer *answer, struct fetch *fetch)
{
	cleanup_msg struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_JOB);
	msg.job.token = answer->token;
	msg.job.replayed = answer->replayed;
	r = fill_job(q, answer, fetch, &msg.job, &err);
	if (r == 0 && (answer->want & WANT_RESULT) != 0)
		r = cases_show(q, &msg.job, &err);
	if (r == 0) {
		reply_send(q, answer->gate, &msg);
		return;
	}
	if (r == -EINPROGRESS)
		r = fetch_start(q, &answer->id, msg.job.seq, 0, wanted_blobs(answer->want),
			reply_fetched, answer, &err);
	if (r < 0)
		refuse_read(q, answer, &err);
}

static void reply_fetched(struct queue *q, struct fetch *fetch)
{
	if (store_in_transaction(q->store))
		turn_flush(q); /* as reply_job() does, but what was fetched is at hand */
	reply_with(q, &fetch->answer, fetch);
}

struct later {
	struct answer answer;
	bool write;
};

static void reply_now(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct later *later = arg;

	if (!committed && later->write)
		reply_refused(q, later->answer.gate, later->answer.token, REFUSAL_STORE, NULL, 1);
	else
		reply_job(q, &later->answer);
}

static int after_turn(
	struct queue *q, turn_fn *fn, const struct answer *answer, bool write, struct err *err)
{
	struct later *later = malloc(sizeof(*later));
	int r;

	if (later == NULL)
		return err_set(err, ENOMEM, "answer");
	*later = (struct later){ *answer, write };
	r = turn_after(q, fn, later, err);
	if (r < 0)
		free(later);
	return r;
}

/* What this turn has written is read back as if it were committed: it may come to nothing. */
void reply_job(struct queue *q, const struct answer *answer)
{
	struct err err;

	if (!q->turn.open || !store_in_transaction(q->store))
		reply_with(q, answer, NULL);
	else if (after_turn(q, reply_now, answer, false, &err) < 0)
		reply_refused(q, answer->gate, answer->token, REFUSAL_STORE, "out of memory", 1);
}

/* Its blobs as they were committed; those of the message are lent: lend_back(). */
static int lend_blobs(struct queue *q, const struct pending *p, uint32_t want, struct msg_job *job,
	struct err *err)
{
	static const struct store_blob none[JOB_BLOB_MAX_];
	const struct store_blob *results = p->write.results == NULL ? none : p->write.results;
	unsigned wanted = wanted_blobs(want);
	int r = 0;

	job->out_bytes = results[JOB_BLOB_OUT].bytes;
	job->err_bytes = results[JOB_BLOB_ERR].bytes;
	job->files_bytes = results[JOB_BLOB_FILES].bytes;
	for (int kind = 0; r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		const struct store_blob *from =
			kind == JOB_BLOB_SPEC ? &p->blobs[kind] : &results[kind];

		if ((wanted & 1U << kind) == 0 || from->bytes == 0)
			continue;
		if (from->file[0] != '\0')
			r = spool_read(q->spool, from, blob_of_kind(job, kind), err);
		else
			*blob_of_kind(job, kind) =
				(struct blob){ .len = from->bytes, .data = from->data, .fd = -1 };
	}
	return r;
}

static void lend_back(struct msg_job *job)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		struct blob *blob = blob_of_kind(job, kind);

		if (blob != NULL && blob->fd < 0)
			*blob = BLOB_EMPTY;
	}
}

static void reply_pending(struct queue *q, const struct answer *answer, const struct pending *p)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_JOB);
	msg.job.token = answer->token;
	msg.job.replayed = answer->replayed;
	fill_row(q, &p->row, &msg.job);
	if (lend_blobs(q, p, answer->want, &msg.job, &err) < 0)
		refuse_read(q, answer, &err);
	else
		reply_send(q, answer->gate, &msg);
	lend_back(&msg.job);
}

void reply_ended(struct queue *q, const struct answer *answer, const struct pending *p)
{
	if (p != NULL && p->write.insert && caller_may(&answer->who, p->row.client))
		reply_pending(q, answer, p);
	else
		reply_job(q, answer); /* not all of it is at hand */
}

/* It waits for the ending of something that was never stored. */
static void refuse_waiter(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct later *later = arg;

	if (!committed && waiters_forget(&q->waiters, later->answer.gate, later->answer.token))
		reply_refused(q, later->answer.gate, later->answer.token, REFUSAL_STORE, NULL, 1);
}

void reply_job_later(struct queue *q, const struct answer *answer, uint32_t wait_ms, bool write)
{
	const struct job *job = jobs_find(&q->jobs, &answer->id);
	struct err err;
	int r;

	/* The wait for somebody else's would say that there is one. */
	if (wait_ms > 0 && job != NULL && caller_may(&answer->who, job->client->client.name) &&
		gate_of(q, answer->gate) != NULL &&
		waiters_add(&q->waiters, answer, wait_ms, &err) == 0) {
		r = write ? after_turn(q, refuse_waiter, answer, write, &err) : 0;
	} else if (write || pending_find(&q->turn.pending, &answer->id) != NULL) {
		r = after_turn(q, reply_now, answer, write, &err);
		turn_owe(q);
	} else {
		reply_job(q, answer);
		return;
	}
	if (r == 0)
		return;
	(void)waiters_forget(&q->waiters, answer->gate, answer->token);
	reply_refused(q, answer->gate, answer->token, REFUSAL_STORE, "out of memory", 1);
}

/* --- status --- */

/* What is wrong, in words; "" for nothing. */
static void put_reason(struct queue *q, char *ret, size_t size)
{
	if (!q->store_up)
		(void)snprintf(ret, size, "the store is down: %s", q->store_reason);
	else if (q->drive.ch == NULL || !q->drive.node_seen)
		(void)snprintf(ret, size, "no driver is connected");
	else if (!q->drive.engine_up)
		(void)snprintf(ret, size, "%s",
			q->drive.reason[0] != '\0' ? q->drive.reason
						   : "the container engine does not answer");
	else
		ret[0] = '\0';
}

/*
 * The machine: str node, str engine, u32 slots, i64 cpus (thousandths), i64
 * memory bytes, u64 running, bytes what the driver said of its tasks, str its
 * GPUs' ids with commas, u64 mask of those that jobs have.
 */
static int pack_node(struct queue *q, struct blob *ret, struct err *err)
{
	const struct drive *d = &q->drive;
	struct packer p = packer_growing();
	cleanup_free uint8_t *tasks = NULL;
	char gpus[GPU_TEXT_MAX];
	int r = blob_read_all(&d->tasks, BLOB_INLINE_MAX, &tasks, err);

	if (r < 0)
		return r;
	pack_str(&p, d->node);
	pack_str(&p, d->engine);
	pack_u32(&p, d->slots);
	pack_i64(&p, d->cpus);
	pack_i64(&p, d->memory_bytes);
	pack_u64(&p, q->jobs.n_running);
	pack_bytes(&p, tasks, (size_t)d->tasks.len);
	gpu_list_text(&d->gpus, UINT64_MAX, gpus);
	pack_str(&p, gpus);
	pack_u64(&p, gpu_busy(&q->jobs.gpus));
	if (p.failed) {
		packer_done(&p);
		return err_set(err, ENOMEM, "node");
	}
	*ret = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	return 0;
}

static void fill_status(struct queue *q, uint64_t token, struct msg *ret)
{
	bool driver_up = q->drive.ch != NULL && q->drive.node_seen;
	struct err err;

	msg_init(ret, MSG_STATUS);
	ret->status.token = token;
	ret->status.store_up = q->store_up;
	ret->status.driver_up = driver_up;
	ret->status.engine_up = driver_up && q->drive.engine_up;
	put_reason(q, ret->status.reason, sizeof(ret->status.reason));
	ret->status.waiting = jobs_waiting(&q->jobs);
	ret->status.running = q->jobs.n_running;
	if (driver_up && pack_node(q, &ret->status.node, &err) < 0)
		log_warning("status: %s", err.msg);
}

void reply_status(struct queue *q, uint64_t gate, uint64_t token)
{
	cleanup_msg struct msg msg;

	fill_status(q, token, &msg);
	reply_send(q, gate, &msg);
}

void reply_metrics(struct queue *q, uint64_t gate, uint64_t token, const struct blob *drivers)
{
	cleanup_msg struct msg msg;
	struct err err;

	fill_status(q, token, &msg);
	if (metrics_text(q, drivers, &msg.status.metrics, &err) < 0)
		log_warning("status: %s", err.msg);
	reply_send(q, gate, &msg);
}

/* --- lists --- */

/* Ids are what entitles one to results: whole only for those who may see the job anyway. Who is
 * nobody shares his name with everybody. */
static bool shows_id(const struct caller *who, const struct store_row *row)
{
	return caller_may(who, row->client) && (who->is_operator || row->client[0] != '\0');
}

static void pack_row(struct queue *q, const struct estimate *estimate, struct packer *p,
	const struct store_row *row, const struct caller *who)
{
	const struct job *job = jobs_find(&q->jobs, &row->id);
	uint64_t position = job == NULL ? 0 : jobs_position(&q->jobs, job);
	struct listing_row out = {
		.id = row->id,
		.state = row->state,
		.verdict = row->verdict,
		.position = position,
		.estimated_ms = job == NULL ? 0 : estimate_start(q, estimate, job, position),
		.queued_ms = row->queued_unix_ms,
		.started_ms = row->started_unix_ms,
		.finished_ms = row->finished_unix_ms,
		.own = shows_id(who, row),
		.callback = row->callback,
	};

	if (row->state == JOB_DONE && row->expires_age_ms <= age_now(&q->age))
		return;
	(void)snprintf(out.task, sizeof(out.task), "%s", row->task);
	(void)snprintf(out.node, sizeof(out.node), "%s", row->node);
	if (out.own)
		(void)snprintf(out.client, sizeof(out.client), "%s", row->client);
	listing_pack(p, &out);
}

static void send_jobs(
	struct queue *q, uint64_t gate, uint64_t token, uint64_t cursor, struct packer *p)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_JOBS);
	msg.jobs.token = token;
	msg.jobs.cursor = cursor;
	msg.jobs.waiting = jobs_waiting(&q->jobs);
	msg.jobs.running = q->jobs.n_running;
	msg.jobs.paused = q->jobs.paused;
	if (pause_list(q, &msg.jobs.paused_tasks, &err) < 0)
		log_warning("%s", err.msg);
	msg.jobs.list = (struct blob){ .len = p->len, .data = TAKE_PTR(p->buf), .fd = -1 };
	reply_send(q, gate, &msg);
}

static void refuse_list(struct queue *q, uint64_t gate, uint64_t token, const struct err *err)
{
	log_error("a list cannot be made: %s", err->msg);
	reply_refused(q, gate, token, REFUSAL_STORE, NULL, 1);
}

/* Whose jobs a list is of: "" for all. False: not for this caller. */
static bool list_of(const struct caller *who, const char *asked, const char **ret)
{
	const char *own = who->client->client.name;

	*ret = who->is_operator ? asked : own;
	return who->is_operator || asked[0] == '\0' || strcmp(asked, own) == 0;
}

void reply_list(
	struct queue *q, uint64_t gate, const struct msg_job_list *ask, const struct caller *who)
{
	const char *client;
	size_t limit = ask->limit == 0 ? 1 : ask->limit;
	cleanup_free struct store_row *rows = calloc(limit, sizeof(*rows));
	struct packer p = packer_growing();
	struct estimate estimate;
	struct err err;
	size_t n = 0;
	int r;

	if (!list_of(who, ask->client, &client)) {
		reply_refused(q, gate, ask->token, REFUSAL_FORBIDDEN,
			"client: only operators see the jobs of others", 0);
		return;
	}
	r = rows == NULL ? err_set(&err, ENOMEM, "list")
			 : store_list(q->store, false, ask->states, ask->task, client, ask->cursor,
				   limit, rows, &n, &err);

	estimate_init(q, &estimate);
	for (size_t i = 0; r == 0 && i < n; i++)
		pack_row(q, &estimate, &p, &rows[i], who);
	if (r == 0 && p.failed)
		r = err_set(&err, ENOMEM, "list");
	if (r < 0)
		refuse_list(q, gate, ask->token, &err);
	else
		send_jobs(q, gate, ask->token, n == limit ? rows[n - 1].seq : 0, &p);
	packer_done(&p);
}

/* A list of all of the queue, on its way. The first one is read; the others wait. */
struct long_list {
	TAILQ_ENTRY(long_list) next;
	uint64_t gate, token;
	struct caller who;
	unsigned states, later_states; /* what is read now, and after it */
	uint64_t cursor;
	struct packer p;
};

static void long_list_drop(struct queue *q, struct long_list *list)
{
	TAILQ_REMOVE(&q->long_lists, list, next);
	packer_done(&list->p);
	free(list);
}

/* 1: there is more; 0: that was all. */
static int long_list_step(struct queue *q, struct long_list *list, size_t *ret_n, struct err *err)
{
	static struct store_row rows[LIST_STEP];
	struct estimate estimate;
	size_t n;
	int r = store_list(
		q->store, true, list->states, NULL, NULL, list->cursor, LIST_STEP, rows, &n, err);

	if (r < 0)
		return r;
	*ret_n = n;
	estimate_init(q, &estimate);
	for (size_t i = 0; i < n; i++)
		pack_row(q, &estimate, &list->p, &rows[i], &list->who);
	if (list->p.failed)
		return err_set(err, ENOMEM, "list");
	if (n == LIST_STEP) {
		list->cursor = rows[n - 1].seq;
		return 1;
	}
	list->states = list->later_states;
	list->later_states = 0;
	list->cursor = 0;
	return list->states != 0;
}

/* A step of the first list, after which it is answered where that was all. Returns what it cost. */
static size_t first_list_step(struct queue *q)
{
	struct long_list *list = TAILQ_FIRST(&q->long_lists);
	struct err err;
	size_t n = 0;
	int r = 0;

	if (gate_of(q, list->gate) != NULL) {
		r = long_list_step(q, list, &n, &err);
		if (r < 0)
			refuse_list(q, list->gate, list->token, &err);
		else if (r == 0)
			send_jobs(q, list->gate, list->token, 0, &list->p);
	}
	if (r <= 0)
		long_list_drop(q, list);
	return n + STEP_ROWS;
}

static void on_long_lists(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = { 0, 0 };
	struct queue *q = arg;
	size_t cost = 0;

	(void)fd;
	(void)what;
	while (cost < LIST_STEP && !TAILQ_EMPTY(&q->long_lists))
		cost += first_list_step(q);
	if (!TAILQ_EMPTY(&q->long_lists))
		(void)event_add(q->long_list, &now);
}

/* In the next turn, with all that are asked for in this one. */
static int long_lists_start(struct queue *q)
{
	const struct timeval now = { 0, 0 };

	if (q->long_list == NULL)
		q->long_list = event_new(q->base, -1, 0, on_long_lists, q);
	return q->long_list == NULL ? -ENOMEM : event_add(q->long_list, &now);
}

void reply_queue(
	struct queue *q, uint64_t gate, const struct msg_queue_get *ask, const struct caller *who)
{
	struct long_list *list = calloc(1, sizeof(*list));

	if (list == NULL || long_lists_start(q) < 0) {
		free(list);
		reply_refused(q, gate, ask->token, REFUSAL_STORE, "out of memory", 1);
		return;
	}
	list->gate = gate;
	list->token = ask->token;
	list->who = *who;
	list->p = packer_growing();
	list->states = ask->classic != 0 ? 0 : 1U << JOB_RUNNING;
	list->later_states = ask->classic != 0 ? 0 : 1U << JOB_QUEUED;
	TAILQ_INSERT_TAIL(&q->long_lists, list, next);
}

void reply_forget(struct queue *q, uint64_t gate, uint64_t token)
{
	struct long_list *list;

	TAILQ_FOREACH (list, &q->long_lists, next) {
		if (list->gate == gate && list->token == token) {
			long_list_drop(q, list);
			return;
		}
	}
}

void reply_done(struct queue *q)
{
	struct long_list *list;

	while ((list = TAILQ_FIRST(&q->long_lists)) != NULL)
		long_list_drop(q, list);
	if (q->long_list != NULL)
		event_free(q->long_list);
	q->long_list = NULL;
}
