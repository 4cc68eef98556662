/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "drive.h"
#include "queue.h"
#include "reply.h"

#define PLACES_MS 500 /* between two looks at the places of waiting jobs */

static enum watch_stage stage_of(const struct job *job)
{
	if (job->state == JOB_QUEUED)
		return WATCH_QUEUED;
	return job->started ? WATCH_STARTED : WATCH_RUNNING;
}

/* A place is not looked at here: it changes too often. */
static bool is_known(const struct queue *q, const struct answer *answer)
{
	const struct job *job = jobs_find(&q->jobs, &answer->id);

	return job != NULL && answer->stage == (uint8_t)stage_of(job) &&
	       answer->attempt == job->attempt;
}

static bool is_news(const struct answer *answer, void *arg)
{
	return !is_known(arg, answer);
}

static bool is_other_place(const struct answer *answer, void *arg)
{
	const struct queue *q = arg;
	const struct job *job = jobs_find(&q->jobs, &answer->id);

	return job != NULL && job->state == JOB_QUEUED &&
	       jobs_position(&q->jobs, job) != answer->position;
}

static bool any(const struct answer *answer, void *arg)
{
	(void)answer;
	(void)arg;
	return true;
}

/* One that waits is answered from memory; another one may be done, as its row says. */
static void tell(const struct answer *answer, void *arg)
{
	struct queue *q = arg;
	const struct job *job = jobs_find(&q->jobs, &answer->id);
	struct answer now = *answer;

	if (job != NULL && job->state == JOB_QUEUED)
		now.want = 0;
	reply_job(q, &now);
}

static void tell_committed(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct job_id *id = arg;

	(void)committed; /* then it is again what it was */
	waiters_wake_watches(&q->waiters, id, is_news, tell, q);
}

/* After the open turn, which ends soon then. */
static void tell_later(struct queue *q, const struct job_id *id)
{
	struct job_id *copy = malloc(sizeof(*copy));
	struct err err;

	if (copy == NULL)
		return; /* they ask again when their time is over */
	*copy = *id;
	if (turn_after(q, tell_committed, copy, &err) < 0)
		free(copy);
	else
		turn_owe(q);
}

void watch_moved(struct queue *q, const struct job_id *id)
{
	if (waiters_has_watch(&q->waiters, id))
		tell_later(q, id);
}

/* Its driver answers when there is output; one of another machine cannot be asked. */
static void tap(struct queue *q, uint64_t gate, const struct msg_watch *ask, const struct job *job)
{
	cleanup_msg struct msg msg;

	if (job->state != JOB_RUNNING || job->elsewhere || job->driver != q->drive.instance)
		return;
	msg_init(&msg, MSG_TAP);
	msg.tap.gate = gate;
	msg.tap.token = ask->token;
	msg.tap.id = job->id;
	msg.tap.attempt = job->attempt;
	msg.tap.out_bytes = ask->out_bytes;
	msg.tap.err_bytes = ask->err_bytes;
	msg.tap.steps = ask->steps;
	msg.tap.have = ask->have;
	drive_tap(q, &msg);
}

static void look_at_places_later(struct queue *q)
{
	const struct timeval wait = { 0, PLACES_MS * 1000 };

	if (!event_pending(q->places, EV_TIMEOUT, NULL))
		(void)event_add(q->places, &wait);
}

void watch_ask(struct queue *q, uint64_t gate, const struct msg_watch *ask)
{
	struct answer answer = {
		.gate = gate,
		.token = ask->token,
		.id = ask->id,
		.want = ask->want,
		.watch = true,
		.stage = ask->stage,
		.attempt = ask->attempt,
		.position = ask->position,
	};
	const struct job *job = jobs_find(&q->jobs, &ask->id);
	struct err err;

	if (!CALLER_OF(q, gate, ask, false, &answer.who))
		return;
	if (job == NULL || q->stale || ask->wait_ms == 0 ||
		!caller_may(&answer.who, job->client->client.name)) {
		reply_job_later(q, &answer, 0, false);
		return;
	}
	if (waiters_add(&q->waiters, &answer, ask->wait_ms, &err) < 0) {
		reply_refused(q, gate, ask->token, REFUSAL_STORE, err.msg, 1);
		return;
	}
	if (!is_known(q, &answer))
		tell_later(q, &ask->id);
	else if (job->state == JOB_QUEUED)
		look_at_places_later(q);
	else
		tap(q, gate, ask, job);
}

static void on_places(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	waiters_wake_watches(&q->waiters, NULL, is_other_place, tell, q);
	if (q->waiters.n_watches > 0)
		look_at_places_later(q);
}

static bool is_cut_off(const struct answer *answer, void *arg)
{
	(void)arg;
	return !caller_is_good(&answer->who);
}

void watch_revoked(struct queue *q)
{
	waiters_wake_watches(&q->waiters, NULL, is_cut_off, tell, q);
}

void watch_again(struct queue *q)
{
	waiters_wake_watches(&q->waiters, NULL, any, tell, q);
}

void watch_timed_out(struct queue *q, const struct answer *answer)
{
	tell(answer, q);
}

/* The gateway gets a descriptor of its own, which cannot write. */
static int for_reading(struct queue *q, struct blob *blob, struct err *err)
{
	int fd, r;

	if (blob->fd < 0)
		return 0;
	r = spool_reopen(q->spool, blob->fd, &fd, err);
	if (r < 0)
		return r;
	blob_done(blob);
	*blob = blob_of_fd(fd, 0);
	return 0;
}

void watch_progress(struct queue *q, struct msg *msg)
{
	struct msg_progress *progress = &msg->progress;
	const struct answer *answer = waiters_find(&q->waiters, progress->gate, progress->token);
	const struct job *job = jobs_find(&q->jobs, &progress->id);
	uint64_t gate = progress->gate;
	struct err err;
	int r;

	if (answer == NULL || !answer->watch || !job_id_equal(&answer->id, &progress->id) ||
		job == NULL || job->state != JOB_RUNNING || job->attempt != progress->attempt ||
		job->driver != q->drive.instance || answer->attempt != job->attempt)
		return; /* it has left, or was told otherwise */
	r = for_reading(q, &progress->out, &err);
	if (r == 0)
		r = for_reading(q, &progress->err, &err);
	if (r < 0) {
		log_warning("job=%s its output is not shown: %s",
			queue_short_id(&progress->id).text, err.msg);
		return;
	}
	(void)waiters_forget(&q->waiters, gate, progress->token);
	progress->gate = 0;
	reply_send(q, gate, msg);
}

int watch_init(struct queue *q, struct err *err)
{
	q->places = event_new(q->base, -1, 0, on_places, q);
	return q->places == NULL ? err_set(err, ENOMEM, "event") : 0;
}
