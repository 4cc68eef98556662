/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "again.h"
#include "audit.h"
#include "common/log.h"
#include "drive.h"
#include "intake.h"
#include "move.h"
#include "pause.h"
#include "queue.h"
#include "reply.h"
#include "roster.h"
#include "scrape.h"
#include "sweep.h"
#include "typed.h"
#include "watch.h"

/* --- cancelling --- */

int gate_cancel(struct queue *q, struct job *job, struct err *err)
{
	struct move_ending ending = { .verdict = VERDICT_CANCELLED };
	struct job_id id = job->id;
	uint32_t attempt = job->attempt;
	bool running = job->state == JOB_RUNNING;
	/* A driver that is not there, or came back without it, will not say that it has left. */
	bool leaving = running && !job->unlisted && drive_runs(q, job);
	int r = move_end(q, job, &ending, leaving, err);

	if (r == 0 && leaving)
		drive_stop_later(q, &id, attempt, false);
	return r;
}

static void on_cancel(struct queue *q, uint64_t gate, const struct msg_job_cancel *ask)
{
	struct answer answer = { .gate = gate, .token = ask->token, .id = ask->id };
	struct job *job = jobs_find(&q->jobs, &ask->id);
	uint64_t seq = job == NULL ? 0 : job->seq;
	uint32_t attempt = job == NULL ? 0 : job->attempt;
	struct err err;
	/* It may be one that is to be read again. */
	int r = job == NULL && q->stale ? -EIO : 0;

	if (!CALLER_OF(q, gate, ask, false, &answer.who))
		return;
	/* Somebody else's is answered as if it were not there. */
	if (job != NULL && caller_may(&answer.who, job->client->client.name)) {
		r = gate_cancel(q, job, &err);
		if (r == 0)
			r = audit_job(q, &answer.who, "cancel", seq, &ask->id, attempt, &err);
	}
	if (r < 0)
		reply_refused(q, gate, ask->token, REFUSAL_STORE, NULL, 1);
	else
		reply_job_later(q, &answer, 0, true);
}

/* --- other questions --- */

static void on_get(struct queue *q, uint64_t gate, const struct msg_job_get *ask)
{
	struct answer answer = {
		.gate = gate, .token = ask->token, .id = ask->id, .want = ask->want
	};

	if (!CALLER_OF(q, gate, ask, ask->classic != 0, &answer.who))
		return;
	reply_job_later(q, &answer, ask->wait_ms, false);
}

/* What is shown is committed. */
static void on_list(struct queue *q, uint64_t gate, const struct msg_job_list *ask)
{
	struct caller who;

	turn_flush(q);
	if (CALLER_OF(q, gate, ask, false, &who))
		reply_list(q, gate, ask, &who);
}

static void on_queue(struct queue *q, uint64_t gate, const struct msg_queue_get *ask)
{
	struct caller who;

	turn_flush(q);
	if (CALLER_OF(q, gate, ask, ask->classic != 0, &who))
		reply_queue(q, gate, ask, &who);
}

static void on_spool_open(struct queue *q, struct gate *gate, const struct msg_spool_open *ask)
{
	cleanup_msg struct msg msg;
	struct err err;
	struct caller who;
	int fd;

	if (!CALLER_OF(q, gate->number, ask, false, &who))
		return;
	if (channel_waiting(gate->ch) > QUEUE_HOLD_BACK) {
		reply_refused(q, gate->number, ask->token, REFUSAL_NOT_READY, NULL, 1);
		return;
	}
	if (spool_new(q->spool, &fd, &err) < 0) {
		log_error("%s", err.msg);
		reply_refused(q, gate->number, ask->token, REFUSAL_STORE, NULL, 1);
		return;
	}
	msg_init(&msg, MSG_SPOOL);
	msg.spool.token = ask->token;
	msg.spool.file = blob_of_fd(fd, 0);
	reply_send(q, gate->number, &msg);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct gate *gate = arg;
	struct queue *q = gate->queue;

	(void)ch;
	switch (msg->type) {
	case MSG_SUBMIT:
		intake_submit(q, gate->number, msg);
		break;
	case MSG_JOB_GET:
		on_get(q, gate->number, &msg->job_get);
		break;
	case MSG_WATCH:
		watch_ask(q, gate->number, &msg->watch);
		break;
	case MSG_JOB_CANCEL:
		on_cancel(q, gate->number, &msg->job_cancel);
		break;
	case MSG_JOB_INPUT:
		typed_ask(q, gate->number, &msg->job_input);
		break;
	case MSG_PAUSE:
		pause_set(q, gate->number, &msg->pause);
		break;
	case MSG_SWEEP:
		sweep_begin(q, gate->number, &msg->sweep);
		break;
	case MSG_JOB_PURGE:
		sweep_one(q, gate->number, &msg->job_purge);
		break;
	case MSG_JOB_RETRY:
		again_ask(q, gate->number, &msg->job_retry);
		break;
	case MSG_JOB_LIST:
		on_list(q, gate->number, &msg->job_list);
		break;
	case MSG_QUEUE_GET:
		on_queue(q, gate->number, &msg->queue_get);
		break;
	case MSG_STATUS_GET:
		if (msg->status_get.metrics != 0)
			scrape_ask(q, gate->number, msg->status_get.token);
		else
			reply_status(q, gate->number, msg->status_get.token);
		break;
	case MSG_HISTORY_GET:
		history_reply(q, gate->number, msg->history_get.token);
		break;
	case MSG_CLIENT_ASK:
		roster_ask(q, gate->number, &msg->client_ask);
		break;
	case MSG_FORGET:
		(void)waiters_forget(&q->waiters, gate->number, msg->forget.token);
		typed_forget(q, gate->number, msg->forget.token);
		reply_forget(q, gate->number, msg->forget.token);
		break;
	case MSG_DELIVERED:
		outbox_delivered(q, &msg->delivered);
		break;
	case MSG_SPOOL_OPEN:
		on_spool_open(q, gate, &msg->spool_open);
		break;
	default:
		break; /* the channel lets nothing else through */
	}
	turn_message_end(q);
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct gate *gate = arg;

	(void)ch;
	log_info("a %s is connected node=%s", role_name(gate->peer), hello->node);
	if (gate->peer == ROLE_COURIER)
		outbox_courier(gate->queue, gate->number);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct gate *gate = arg;
	const struct timeval now = { 0, 0 };

	(void)ch;
	log_info("a %s has left: %s", role_name(gate->peer), why);
	waiters_forget_gate(&gate->queue->waiters, gate->number);
	typed_forget_gate(gate->queue, gate->number);
	gate->closed = true;
	if (gate->peer == ROLE_COURIER)
		outbox_courier_left(gate->queue, gate->number);
	(void)event_add(gate->queue->reaper, &now);
}

static const struct channel_ops gate_ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

static void accept_peer(struct queue *q, enum role peer, int fd)
{
	const struct channel_self self = { q->config->generation, q->instance, q->config->node };
	struct gate *gate;
	struct err err;

	if (q->n_gates >= QUEUE_GATES_MAX) {
		log_warning("a %s was refused: %d are connected", role_name(peer), QUEUE_GATES_MAX);
		(void)close(fd);
		return;
	}
	gate = calloc(1, sizeof(*gate));
	if (gate == NULL) {
		(void)close(fd);
		return;
	}
	gate->queue = q;
	gate->peer = peer;
	gate->number = ++q->next_gate;
	if (channel_new(q->base, fd, ROLE_QUEUE, peer, &self, &gate_ops, gate, &gate->ch, &err) <
		0) {
		log_warning("a %s was refused: %s", role_name(peer), err.msg);
		free(gate);
		return;
	}
	TAILQ_INSERT_TAIL(&q->gates, gate, next);
	q->n_gates++;
}

void gate_accept(struct queue *q, int fd)
{
	accept_peer(q, ROLE_GATEWAY, fd);
}

void gate_accept_courier(struct queue *q, int fd)
{
	accept_peer(q, ROLE_COURIER, fd);
}

static void gate_free(struct gate *gate)
{
	TAILQ_REMOVE(&gate->queue->gates, gate, next);
	gate->queue->n_gates--;
	channel_free(gate->ch);
	free(gate);
}

void gate_reap(struct queue *q)
{
	struct gate *gate = TAILQ_FIRST(&q->gates);

	while (gate != NULL) {
		struct gate *next = TAILQ_NEXT(gate, next);

		if (gate->closed)
			gate_free(gate);
		gate = next;
	}
}

void gate_done(struct queue *q)
{
	struct gate *gate;

	while ((gate = TAILQ_FIRST(&q->gates)) != NULL)
		gate_free(gate);
}
