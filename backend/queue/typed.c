/* SPDX-License-Identifier: MIT */
#include "typed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "caller.h"
#include "drive.h"
#include "queue.h"
#include "reply.h"

#define WAITING_MAX 256 /* each with INPUT_BYTES_MAX at most */

/* One that waits for its job's start. */
struct typed_ask {
	TAILQ_ENTRY(typed_ask) next;
	struct queue *queue;
	uint64_t gate;
	struct msg msg; /* owned: JOB_INPUT */
	struct event *timer;
};

void typed_init(struct queue *q)
{
	TAILQ_INIT(&q->typed.waiting);
}

static void ask_free(struct typed_ask *ask)
{
	TAILQ_REMOVE(&ask->queue->typed.waiting, ask, next);
	ask->queue->typed.n--;
	if (ask->timer != NULL)
		event_free(ask->timer);
	msg_done(&ask->msg);
	free(ask);
}

void typed_done(struct queue *q)
{
	while (!TAILQ_EMPTY(&q->typed.waiting))
		ask_free(TAILQ_FIRST(&q->typed.waiting));
}

/* ---- on to the driver ---- */

static void hand_on(
	struct queue *q, uint64_t gate, struct msg_job_input *ask, const struct job *job)
{
	cleanup_msg struct msg msg;

	if (!drive_runs(q, job)) {
		reply_refused(q, gate, ask->token,
			job->elsewhere ? REFUSAL_NO_INPUT : REFUSAL_NOT_READY,
			job->elsewhere ? "the job runs on another machine, whose own service takes "
					 "its input"
				       : "the job's driver is not there",
			1);
		return;
	}
	msg_init(&msg, MSG_INPUT);
	msg.input.gate = gate;
	msg.input.token = ask->token;
	msg.input.id = job->id;
	msg.input.attempt = job->attempt;
	msg.input.end = ask->end;
	msg.input.signal = ask->signal;
	msg.input.data = ask->data;
	ask->data = BLOB_EMPTY;
	if (!drive_input(q, &msg))
		reply_refused(q, gate, ask->token, REFUSAL_INPUT_FULL, NULL, 1);
}

void typed_taken(struct queue *q, struct msg *msg)
{
	const struct msg_input_taken *taken = &msg->input_taken;

	if (taken->why == REFUSAL_MAX_)
		reply_send(q, taken->gate, msg);
	else
		reply_refused(
			q, taken->gate, taken->token, (enum refusal)taken->why, taken->detail, 1);
}

/* ---- those that wait ---- */

/* From the start, its caller's rights too; no more waiting. */
static void ask_again(struct typed_ask *ask)
{
	cleanup_msg struct msg msg = ask->msg;
	struct queue *q = ask->queue;
	uint64_t gate = ask->gate;

	msg_init(&ask->msg, MSG_JOB_INPUT);
	ask_free(ask);
	msg.job_input.wait_ms = 0;
	typed_ask(q, gate, &msg.job_input);
}

static void on_too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask_again(arg);
}

static int wait_for_start(struct queue *q, uint64_t gate, struct msg_job_input *input)
{
	const struct timeval until = { input->wait_ms / 1000, input->wait_ms % 1000 * 1000 };
	struct typed_ask *ask = q->typed.n < WAITING_MAX ? calloc(1, sizeof(*ask)) : NULL;

	if (ask == NULL)
		return -ENOBUFS;
	ask->queue = q;
	ask->gate = gate;
	msg_init(&ask->msg, MSG_JOB_INPUT);
	ask->msg.job_input = *input;
	input->data = BLOB_EMPTY;
	TAILQ_INSERT_TAIL(&q->typed.waiting, ask, next);
	q->typed.n++;
	ask->timer = evtimer_new(q->base, on_too_late, ask);
	if (ask->timer != NULL && event_add(ask->timer, &until) == 0)
		return 0;
	input->data = ask->msg.job_input.data;
	ask->msg.job_input.data = BLOB_EMPTY;
	ask_free(ask);
	return -ENOMEM;
}

/* In the order in which they came. */
void typed_started(struct queue *q, const struct job_id *id)
{
	struct typed_ask *ask, *next;

	for (ask = TAILQ_FIRST(&q->typed.waiting); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, next);
		if (job_id_equal(&ask->msg.job_input.id, id))
			ask_again(ask);
	}
}

void typed_forget(struct queue *q, uint64_t gate, uint64_t token)
{
	struct typed_ask *ask;

	TAILQ_FOREACH (ask, &q->typed.waiting, next) {
		if (ask->gate != gate || ask->msg.job_input.token != token)
			continue;
		ask_free(ask);
		return;
	}
}

void typed_forget_gate(struct queue *q, uint64_t gate)
{
	struct typed_ask *ask, *next;

	for (ask = TAILQ_FIRST(&q->typed.waiting); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, next);
		if (ask->gate == gate)
			ask_free(ask);
	}
}

/* ---- from a gateway ---- */

/* Of a job that is not open any more only the store knows. */
static void refuse_ended(
	struct queue *q, uint64_t gate, const struct msg_job_input *ask, const struct caller *who)
{
	struct store_job row;
	struct err err;
	int r = store_job_get(q->store, &ask->id, &row, &err);

	if (r == 0 && (row.expires_age_ms <= age_now(&q->age) || !caller_may(who, row.client)))
		r = -ENOENT;
	if (r == 0)
		reply_refused(q, gate, ask->token, REFUSAL_NO_INPUT, "the job has ended", 0);
	else if (r == -ENOENT)
		reply_refused(q, gate, ask->token, REFUSAL_NOT_FOUND, NULL, 0);
	else
		reply_refused(q, gate, ask->token, REFUSAL_STORE, NULL, 1);
}

void typed_ask(struct queue *q, uint64_t gate, struct msg_job_input *ask)
{
	const struct job *job = jobs_find(&q->jobs, &ask->id);
	struct caller who;

	if (!CALLER_OF(q, gate, ask, false, &who))
		return;
	if (job == NULL)
		refuse_ended(q, gate, ask, &who);
	else if (!caller_may(&who, job->client->client.name))
		reply_refused(q, gate, ask->token, REFUSAL_NOT_FOUND, NULL, 0);
	else if (job->state == JOB_RUNNING)
		hand_on(q, gate, ask, job);
	else if (ask->wait_ms == 0)
		reply_refused(q, gate, ask->token, REFUSAL_NO_INPUT,
			"the job has not started: it waits for its turn", 0);
	else if (wait_for_start(q, gate, ask) < 0)
		reply_refused(q, gate, ask->token, REFUSAL_NOT_READY,
			"too many wait for a job to start", 1);
}
