/* SPDX-License-Identifier: MIT */
#include "drive.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "fetch.h"
#include "follow.h"
#include "intake.h"
#include "lease.h"
#include "move.h"
#include "queue.h"
#include "rebuild.h"
#include "scrape.h"
#include "typed.h"
#include "watch.h"
#include "wire/pack.h"

#define RUNNING_ENTRY (JOB_ID_BYTES + 4 + 8) /* id, attempt, gpus */
#define RUNNING_MAX   (4 * 1024 * 1024)
#define TASKS_MAX     (1024 * 1024)

bool drive_is_ready(const struct queue *q)
{
	return q->drive.ch != NULL && !q->drive.closed && q->drive.node_seen && q->drive.engine_up;
}

static void send_it(struct queue *q, const struct msg *msg)
{
	struct err err;

	if (q->drive.ch == NULL || q->drive.closed)
		return;
	if (channel_send(q->drive.ch, msg, &err) == 0)
		return;
	log_warning("%s to the driver was dropped: %s", msg_name(msg->type), err.msg);
	channel_break(q->drive.ch, &err);
}

void drive_tap(struct queue *q, const struct msg *msg)
{
	send_it(q, msg);
}

bool drive_ask_metrics(struct queue *q)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_METRICS_GET);
	return q->drive.ch != NULL && !q->drive.closed && q->drive.node_seen &&
	       channel_send(q->drive.ch, &msg, &err) == 0;
}

void drive_ack(struct queue *q, const struct job_id *id, uint32_t attempt)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_ENDING_ACK);
	msg.ending_ack.id = *id;
	msg.ending_ack.attempt = attempt;
	if (q->drive.ch == NULL || q->drive.closed ||
		channel_send_soon(q->drive.ch, &msg, &err) == 0)
		return;
	log_warning("an acknowledgement to the driver was dropped: %s", err.msg);
	channel_break(q->drive.ch, &err);
}

void drive_begin_anew(struct queue *q, const struct err *why)
{
	if (q->drive.ch != NULL && !q->drive.closed)
		channel_break(q->drive.ch, why);
}

static void stop(struct queue *q, const struct job_id *id, uint32_t attempt, bool lease_lost)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_STOP);
	msg.stop.id = *id;
	msg.stop.attempt = attempt;
	msg.stop.lease_lost = lease_lost;
	send_it(q, &msg);
}

struct stop_order {
	struct job_id id;
	uint32_t attempt;
	bool lease_lost;
};

static void stop_after_commit(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct stop_order *order = arg;

	if (committed)
		stop(q, &order->id, order->attempt, order->lease_lost);
	else
		jobs_stay(&q->jobs, &order->id, order->attempt);
}

/* The reverse: it was handed over in a turn that failed. */
static void stop_after_failure(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct stop_order *order = arg;

	/* Where it may be stored all the same it goes on: both sides agree once that is known. */
	if (!committed && !store_outcome_unknown(q->store))
		stop(q, &order->id, order->attempt, true);
}

static void order_later(
	struct queue *q, turn_fn *fn, const struct job_id *id, uint32_t attempt, bool lease_lost)
{
	struct stop_order *order = malloc(sizeof(*order));
	struct err err;

	if (order != NULL) {
		*order = (struct stop_order){ *id, attempt, lease_lost };
		if (turn_after(q, fn, order, &err) == 0)
			return;
	}
	free(order);
	queue_give_up(q, "out of memory");
}

void drive_stop_later(struct queue *q, const struct job_id *id, uint32_t attempt, bool lease_lost)
{
	order_later(q, stop_after_commit, id, attempt, lease_lost);
	turn_owe(q);
}

bool drive_runs(const struct queue *q, const struct job *job)
{
	return q->drive.ch != NULL && !q->drive.closed && q->drive.node_seen && !job->elsewhere &&
	       job->driver == q->drive.instance;
}

bool drive_input(struct queue *q, const struct msg *msg)
{
	struct err err;

	if (channel_waiting(q->drive.ch) > QUEUE_HOLD_BACK)
		return false;
	if (channel_send(q->drive.ch, msg, &err) == 0)
		return true;
	log_warning("input for the driver was dropped: %s", err.msg);
	return false;
}

/* --- admission --- */

struct admission_need drive_budget(const struct queue *q, int *ret_slots)
{
	const struct config *c = q->config;
	const struct drive *d = &q->drive;
	struct admission_need all = {
		.cpus = c->cpus_budget > 0 ? c->cpus_budget : d->cpus,
		.memory_bytes = c->memory_budget > 0 ? c->memory_budget : d->memory_bytes / 4 * 3,
	};

	*ret_slots = c->slots > 0 && (uint32_t)c->slots < d->slots ? c->slots : (int)d->slots;
	return all;
}

static struct job *next_job(struct queue *q, uint64_t *ret_gpus)
{
	int slots;
	struct admission_need all = drive_budget(q, &slots);

	if (!drive_is_ready(q) || age_now(&q->age) < q->drive.hold_until_age_ms ||
		channel_waiting(q->drive.ch) > QUEUE_HOLD_BACK)
		return NULL;
	return jobs_next(&q->jobs, slots, &all, ret_gpus);
}

void drive_claim_again(struct queue *q, struct job *job)
{
	struct err err;

	if (move_run(q, job, 0, &err) == 0)
		log_info("job=%s attempt=%" PRIu32 " goes on: it had been handed over",
			queue_short_id(&job->id).text, job->attempt);
}

bool drive_can_admit(struct queue *q)
{
	uint64_t gpus;

	return next_job(q, &gpus) != NULL;
}

/* What a job came with: from memory while it is not committed. */
static int read_blobs(struct queue *q, const struct job *job, struct msg_run *run, struct err *err)
{
	const struct pending *p = pending_find(&q->turn.pending, &job->id);
	struct store_blob stored[JOB_BLOB_MAX_] = { 0 };
	const struct store_blob *from = stored;
	int r = 0;

	if (p != NULL && p->write.insert)
		from = p->blobs;
	else
		r = store_blobs_get(q->store, job->seq, 1U << JOB_BLOB_SPEC | 1U << JOB_BLOB_INPUT,
			stored, err);
	if (r == 0)
		r = spool_read(q->spool, &from[JOB_BLOB_SPEC], &run->spec, err);
	if (r == 0)
		r = spool_read(q->spool, &from[JOB_BLOB_INPUT], &run->input, err);
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&stored[kind]);
	return r;
}

static void init_run(struct queue *q, const struct job *job, struct msg *msg)
{
	msg_init(msg, MSG_RUN);
	msg->run.id = job->id;
	msg->run.attempt = job->attempt;
	msg->run.gpus = job->gpus;
	memcpy(msg->run.trace, job->trace, sizeof(msg->run.trace));
	(void)snprintf(msg->run.client, sizeof(msg->run.client), "%s", job->client->client.name);
	(void)snprintf(msg->run.task, sizeof(msg->run.task), "%s", jobs_task_name(&q->jobs, job));
}

static int send_run(struct queue *q, const struct job *job, struct err *err)
{
	cleanup_msg struct msg msg;
	int r;

	init_run(q, job, &msg);
	r = read_blobs(q, job, &msg.run, err);
	if (r == 0)
		r = channel_send(q->drive.ch, &msg, err);
	return r;
}

/* The bytes of a job that were not at hand when it was admitted. */
static void run_fetched(struct queue *q, struct fetch *fetch)
{
	struct job *job = jobs_find(&q->jobs, &fetch->id);
	cleanup_msg struct msg msg;
	struct err err = fetch->err;
	int r = fetch->r;

	if (job == NULL || job->state != JOB_RUNNING || job->attempt != fetch->attempt ||
		job->unlisted || !drive_runs(q, job)) {
		/* It has moved on, or its lease will run out. No driver had it to say its end. */
		if (jobs_left(&q->jobs, &fetch->id, fetch->attempt))
			queue_kick(q);
		return;
	}
	/* Also while the engine is away: the driver gives it back. */
	init_run(q, job, &msg);
	if (r == 0)
		r = fetch_take(fetch, JOB_BLOB_SPEC, &msg.run.spec, &err);
	if (r == 0)
		r = fetch_take(fetch, JOB_BLOB_INPUT, &msg.run.input, &err);
	if (r == 0)
		r = channel_send(q->drive.ch, &msg, &err);
	if (r == 0)
		return;
	log_error("job=%s cannot be handed over: %s", queue_short_id(&job->id).text, err.msg);
	if (r == -ENODATA)
		(void)move_fail(q, job, VERDICT_ENGINE_ERROR, err.msg, &err);
	else
		(void)move_requeue(q, job, false, "could not be handed over", &err);
	drive_hold(q, LEASE_UNLISTED_MS);
}

/* It is ours already: nobody else takes it meanwhile. */
static int fetch_run(struct queue *q, const struct job *job, struct err *err)
{
	return fetch_start(q, &job->id, job->seq, job->attempt,
		1U << JOB_BLOB_SPEC | 1U << JOB_BLOB_INPUT, run_fetched, NULL, err);
}

/* Hands one over. Negative: no more now. */
static int admit(struct queue *q, struct job *job, uint64_t gpus, struct err *err)
{
	struct move_ending broken = { .verdict = VERDICT_ENGINE_ERROR, .error = err->msg };
	int r = move_run(q, job, gpus, err);

	if (r == -ESTALE && store_is_shared(q->store)) {
		follow_taken(q, job);
		return 0;
	}
	if (r < 0)
		return r;
	r = send_run(q, job, err);
	if (r == 0)
		order_later(q, stop_after_failure, &job->id, job->attempt, true);
	else if (r == -EINPROGRESS)
		r = fetch_run(q, job, err);
	if (r == 0)
		return 0;
	log_error("job=%s cannot be handed over: %s", queue_short_id(&job->id).text, err->msg);
	if (r == -ENOENT || r == -ENODATA) /* its bytes are gone: nobody can run it */
		return move_end(q, job, &broken, false, err);
	(void)move_requeue(q, job, false, "could not be handed over", err);
	drive_hold(q, LEASE_UNLISTED_MS);
	return r;
}

void drive_admit(struct queue *q)
{
	struct err err;
	struct job *job;
	uint64_t gpus;

	while (!q->turn.spoiled && (job = next_job(q, &gpus)) != NULL) {
		if (admit(q, job, gpus, &err) < 0)
			break;
	}
	if (q->drive.ch != NULL && !q->drive.closed)
		channel_flush(q->drive.ch); /* before the disk is waited for */
}

static void hold_for(struct queue *q, int64_t ms)
{
	const struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(q->hold, &wait);
}

/* The loop counts from when it last woke up, so that it may be early: nobody would come again. */
static void on_hold_over(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	int64_t left_ms = q->drive.hold_until_age_ms - age_now(&q->age);

	(void)fd;
	(void)what;
	if (left_ms > 0)
		hold_for(q, left_ms);
	else
		queue_kick(q);
}

void drive_hold(struct queue *q, int ms)
{
	int64_t until_ms = age_now(&q->age) + ms;

	if (until_ms <= q->drive.hold_until_age_ms)
		return;
	q->drive.hold_until_age_ms = until_ms;
	hold_for(q, ms);
}

/* --- leases --- */

static bool is_held(const struct queue *q, const struct job *job)
{
	return q->drive.ch != NULL && !q->drive.closed && q->drive.node_seen &&
	       job->driver == q->drive.instance && !job->unlisted;
}

static void lose(struct queue *q, struct job *job, const char *reason)
{
	struct job_id id = job->id;
	uint32_t attempt = job->attempt;
	bool here = is_held(q, job);
	struct err err;

	if (turn_begin(q, &err) == 0 && move_fail(q, job, VERDICT_LOST, reason, &err) == 0 && here)
		drive_stop_later(q, &id, attempt, true);
}

/* All that are over, of one pass: a turn that fails meanwhile ends it. */
static void end_leases(struct queue *q)
{
	int64_t now_ms = age_now(&q->age);
	struct job *job = TAILQ_FIRST(&q->jobs.running);

	while (job != NULL && !q->turn.spoiled && q->store_up) {
		struct job *next = TAILQ_NEXT(job, running);

		if (lease_is_over(job->lease_until_age_ms, now_ms) &&
			!intake_has(q, &job->id, job->attempt))
			lose(q, job,
				job->unlisted ? "its driver has lost it" : "its lease ran out");
		job = next;
	}
}

static void keep_age(struct queue *q, struct err *err)
{
	if (rebuild_keep_age(q, err) < 0)
		turn_spoil(q, err);
}

static void renew_leases(struct queue *q)
{
	int64_t now_ms = age_now(&q->age);
	bool any = false;
	struct job *job;
	struct err err;

	TAILQ_FOREACH (job, &q->jobs.running, running) {
		if (!is_held(q, job))
			continue;
		job->lease_until_age_ms = now_ms + q->config->lease_ms;
		any = true;
	}
	if (!any && now_ms - q->age_kept_ms < AGE_KEEP_MS)
		return;
	if (!q->store_up || turn_begin(q, &err) < 0)
		return;
	if (any && store_lease_renew(
			   q->store, q->drive.instance, now_ms + q->config->lease_ms, &err) < 0)
		turn_spoil(q, &err);
	else
		keep_age(q, &err);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	renew_leases(q);
	end_leases(q);
	queue_kick(q);
}

/* --- what the driver says --- */

/* Rows of another process: it is gone, for one driver runs on a machine. */
static void lose_others(struct queue *q)
{
	struct job *job = TAILQ_FIRST(&q->jobs.running);

	while (job != NULL && !q->turn.spoiled) {
		struct job *next = TAILQ_NEXT(job, running);

		if (job->driver != q->drive.instance)
			lose(q, job, "its driver was lost");
		job = next;
	}
}

static bool runs(const struct job *job, const uint8_t *entry, uint64_t *ret_gpus)
{
	struct unpacker u = unpacker_of(entry, RUNNING_ENTRY);

	(void)unpack_raw(&u, JOB_ID_BYTES);
	if (memcmp(entry, job->id.b, JOB_ID_BYTES) != 0 || unpack_u32(&u) != job->attempt)
		return false;
	*ret_gpus = unpack_u64(&u);
	return true;
}

/*
 * Stops what it runs without a lease. At once: the same attempt may be handed over again in
 * this turn.
 */
static void stop_strays(struct queue *q, const uint8_t *entries, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *entry = entries + (size_t)i * RUNNING_ENTRY;
		struct unpacker u = unpacker_of(entry + JOB_ID_BYTES, 4);
		uint32_t attempt = unpack_u32(&u);
		struct job_id id;
		struct job *job;
		uint64_t gpus;

		memcpy(id.b, entry, JOB_ID_BYTES);
		job = jobs_find(&q->jobs, &id);
		if (job != NULL && job->state == JOB_QUEUED && attempt == job->attempt + 1)
			drive_claim_again(q, job);
		if (job == NULL || job->state != JOB_RUNNING || job->elsewhere ||
			!runs(job, entry, &gpus))
			stop(q, &id, attempt, true);
	}
}

/* Marks what it does not name; end_leases() sees to it unless an ending comes. */
static void mark_unlisted(struct queue *q, const uint8_t *entries, uint32_t n)
{
	const struct timeval soon = { LEASE_UNLISTED_MS / 1000, LEASE_UNLISTED_MS % 1000 * 1000 };
	int64_t until_ms = age_now(&q->age) + LEASE_UNLISTED_MS;
	struct job *job;
	bool any = false;

	TAILQ_FOREACH (job, &q->jobs.running, running) {
		bool listed = false;
		uint64_t gpus = 0;

		for (uint32_t i = 0; i < n && !listed; i++)
			listed = runs(job, entries + (size_t)i * RUNNING_ENTRY, &gpus);
		job->unlisted = !listed;
		jobs_hold_gpus(&q->jobs, job, gpus);
		if (listed)
			continue;
		job->lease_until_age_ms = until_ms;
		any = true;
	}
	if (any)
		(void)event_base_once(q->base, -1, EV_TIMEOUT, on_tick, q, &soon);
}

/* Which GPUs there are, for as long as this driver is connected. */
static void note_gpus(struct queue *q, const char *text)
{
	if (gpu_list_parse(text, &q->drive.gpus) < 0)
		log_warning("the driver's list of GPUs cannot be read");
	jobs_set_gpus(&q->jobs, &q->drive.gpus);
}

/* The first NODE of a connection: both sides agree on what runs. */
static void reconcile(struct queue *q, const struct blob *running)
{
	cleanup_free uint8_t *data = NULL;
	struct unpacker u;
	struct err err;
	uint32_t n;

	lose_others(q);
	if (blob_read_all(running, RUNNING_MAX, &data, &err) < 0) {
		log_warning("what the driver runs cannot be read: %s", err.msg);
		drive_begin_anew(q, &err);
		return;
	}
	u = unpacker_of(data, (size_t)running->len);
	n = running->len == 0 ? 0 : unpack_u32(&u);
	if (u.failed || (uint64_t)n * RUNNING_ENTRY != u.left) {
		log_warning("what the driver runs cannot be read");
		return;
	}
	stop_strays(q, u.p, n);
	mark_unlisted(q, u.p, n);
}

/* Which tasks have no image: their jobs could not run. What cannot be read says nothing. */
static void note_images(struct queue *q, const struct blob *tasks)
{
	cleanup_free uint8_t *data = NULL;
	struct unpacker u;
	struct err err;
	uint32_t n;

	if (blob_read_all(tasks, TASKS_MAX, &data, &err) < 0)
		return;
	u = unpacker_of(data, (size_t)tasks->len);
	n = unpack_u32(&u);
	for (uint32_t i = 0; i < n && !u.failed; i++) {
		char name[TASK_NAME_MAX + 1];
		char id[256];
		bool ready;
		size_t line;

		unpack_str(&u, name, sizeof(name));
		ready = unpack_u8(&u) == 1;
		unpack_str(&u, id, sizeof(id));
		(void)unpack_u32(&u); /* warm */
		(void)unpack_u32(&u); /* busy */
		if (!u.failed && jobs_line(&q->jobs, name, &line))
			q->jobs.lines[line].image_missing = !ready;
	}
}

static void on_node(struct queue *q, struct msg_node *node)
{
	struct drive *d = &q->drive;
	bool first = !d->node_seen;

	/* That a driver which has just begun does not have it yet is no news. */
	if (d->engine_up != (node->engine_up != 0) || (first && node->reason[0] != '\0'))
		log_info("node=%s engine %s%s%s", d->node,
			node->engine_up != 0 ? "answers" : "does not answer",
			node->reason[0] != '\0' ? ": " : "", node->reason);
	d->engine_up = node->engine_up != 0;
	(void)snprintf(d->reason, sizeof(d->reason), "%s", node->reason);
	(void)snprintf(d->engine, sizeof(d->engine), "%s", node->engine);
	d->slots = node->slots;
	d->cpus = node->cpus > 0 ? node->cpus : 0;
	d->memory_bytes = node->memory_bytes > 0 ? node->memory_bytes : 0;
	if (node->tasks.len <= TASKS_MAX) {
		blob_done(&d->tasks);
		d->tasks = node->tasks;
		node->tasks = BLOB_EMPTY;
		note_images(q, &d->tasks);
	}
	d->node_seen = true;
	if (first) {
		note_gpus(q, node->gpus);
		reconcile(q, &node->running);
		watch_again(q);
	}
	queue_kick(q);
}

static void on_started(struct queue *q, const struct msg_started *started)
{
	struct job *job = jobs_find(&q->jobs, &started->id);
	int64_t at_ms = clock_unix_ms();
	struct err err;

	if (job == NULL || job->state != JOB_RUNNING || job->attempt != started->attempt ||
		job->driver != q->drive.instance)
		return;
	if (started->started_ms >= job->queued_unix_ms && started->started_ms <= at_ms)
		at_ms = started->started_ms;
	(void)move_started(q, job, at_ms, started->image, (enum isolation)started->isolation, &err);
	typed_started(q, &started->id);
}

static void refuse_spool(struct queue *q, uint64_t token, const char *detail)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_REFUSED);
	msg.refused.token = token;
	msg.refused.why = REFUSAL_STORE;
	msg.refused.retry_after_s = 1;
	(void)snprintf(msg.refused.detail, sizeof(msg.refused.detail), "%s", detail);
	send_it(q, &msg);
}

static void on_spool_open(struct queue *q, const struct msg_spool_open *ask)
{
	cleanup_msg struct msg msg;
	struct err err;
	int fd;

	if (channel_waiting(q->drive.ch) > QUEUE_HOLD_BACK) {
		refuse_spool(q, ask->token, "too many at once");
		return;
	}
	if (spool_new(q->spool, &fd, &err) < 0) {
		log_error("%s", err.msg);
		refuse_spool(q, ask->token, err.msg);
		return;
	}
	msg_init(&msg, MSG_SPOOL);
	msg.spool.token = ask->token;
	msg.spool.file = blob_of_fd(fd, 0);
	send_it(q, &msg);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct queue *q = arg;

	(void)ch;
	switch (msg->type) {
	case MSG_NODE:
		on_node(q, &msg->node);
		break;
	case MSG_STARTED:
		on_started(q, &msg->started);
		break;
	case MSG_ENDING:
		intake_ending(q, msg);
		break;
	case MSG_GIVEBACK:
		intake_giveback(q, msg);
		break;
	case MSG_METRICS:
		scrape_got(q, &msg->metrics.text);
		break;
	case MSG_SPOOL_OPEN:
		on_spool_open(q, &msg->spool_open);
		break;
	case MSG_PROGRESS:
		watch_progress(q, msg);
		break;
	case MSG_CASES:
		cases_take(q, &msg->cases);
		break;
	case MSG_INPUT_TAKEN:
		typed_taken(q, msg);
		break;
	default:
		break; /* the channel lets nothing else through */
	}
	turn_message_end(q);
}

/* --- the connection --- */

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct queue *q = arg;

	(void)ch;
	q->drive.instance = hello->instance != 0 ? hello->instance : 1; /* 0 stands for none */
	(void)snprintf(q->drive.node, sizeof(q->drive.node), "%s", hello->node);
	log_info("a driver is connected node=%s", hello->node);
}

/* Its jobs may still run: their leases begin to run out. */
static void lost(struct queue *q)
{
	int64_t until_ms = age_now(&q->age) + q->config->lease_ms;
	struct job *job;

	TAILQ_FOREACH (job, &q->jobs.running, running)
		if (job->driver == q->drive.instance && !job->unlisted)
			job->lease_until_age_ms = until_ms;
	jobs_forget_leaving(&q->jobs);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct queue *q = arg;
	const struct timeval now = { 0, 0 };

	(void)ch;
	log_warning("the driver has left: %s", why);
	q->drive.closed = true;
	lost(q);
	(void)event_add(q->reaper, &now);
}

static const struct channel_ops drive_ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

int drive_init(struct queue *q, struct err *err)
{
	int ms = q->config->lease_ms / 3;
	struct timeval every;

	if (ms < 50)
		ms = 50;
	every = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	q->drive.tasks = BLOB_EMPTY;
	q->drive.fd = -1;
	q->tick = event_new(q->base, -1, EV_PERSIST, on_tick, q);
	q->hold = event_new(q->base, -1, 0, on_hold_over, q);
	if (q->tick == NULL || q->hold == NULL || event_add(q->tick, &every) < 0)
		return err_set(err, ENOMEM, "event");
	return 0;
}

void drive_reap(struct queue *q)
{
	if (!q->drive.closed)
		return;
	channel_free(q->drive.ch);
	blob_done(&q->drive.tasks);
	q->drive = (struct drive){ .fd = -1, .tasks = BLOB_EMPTY };
}

/* The one that is connected may have died, and its end not been read yet. */
static bool has_hung_up(const struct drive *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void drive_accept(struct queue *q, int fd)
{
	const struct channel_self self = { q->config->generation, q->instance, q->config->node };
	struct err err;

	if (q->drive.ch != NULL && !q->drive.closed && has_hung_up(&q->drive))
		on_closed(q->drive.ch, "closed by the peer", q);
	drive_reap(q);
	if (q->drive.ch != NULL) {
		log_warning("a second driver was refused");
		(void)close(fd);
		return;
	}
	if (channel_new(q->base, fd, ROLE_QUEUE, ROLE_DRIVER, &self, &drive_ops, q, &q->drive.ch,
		    &err) < 0) {
		log_warning("a driver was refused: %s", err.msg);
		return;
	}
	q->drive.fd = fd;
}

void drive_done(struct queue *q)
{
	q->drive.closed = true;
	drive_reap(q);
	if (q->tick != NULL)
		event_free(q->tick);
	if (q->hold != NULL)
		event_free(q->hold);
}
