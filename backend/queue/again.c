/* SPDX-License-Identifier: MIT */
#include "again.h"

#include <errno.h>
#include <stdio.h>

#include "audit.h"
#include "common/log.h"
#include "fetch.h"
#include "intake.h"
#include "queue.h"
#include "reply.h"

#define REQUEST (1U << JOB_BLOB_SPEC | 1U << JOB_BLOB_INPUT)

static int read_request(
	struct queue *q, uint64_t seq, struct fetch *fetch, struct msg_submit *ret, struct err *err)
{
	struct store_blob stored[JOB_BLOB_MAX_] = { 0 };
	int r;

	if (fetch != NULL) {
		r = fetch_take(fetch, JOB_BLOB_SPEC, &ret->spec, err);
		return r < 0 ? r : fetch_take(fetch, JOB_BLOB_INPUT, &ret->input, err);
	}
	r = store_blobs_get(q->store, seq, REQUEST, stored, err);
	if (r == 0)
		r = spool_read(q->spool, &stored[JOB_BLOB_SPEC], &ret->spec, err);
	if (r == 0)
		r = spool_read(q->spool, &stored[JOB_BLOB_INPUT], &ret->input, err);
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&stored[kind]);
	return r;
}

/* Where the ending was to be announced: the new one's is, too. */
static int read_callback(
	struct queue *q, const struct store_job *row, struct msg_submit *ret, struct err *err)
{
	struct store_callback callback;
	int r;

	if (row->callback == CALLBACK_NONE)
		return 0;
	r = store_callback_get(q->store, row->seq, &callback, err);
	if (r == 0)
		(void)snprintf(ret->callback, sizeof(ret->callback), "%s", callback.url);
	return r;
}

int again_submit(struct queue *q, uint64_t gate, uint64_t token, uint32_t want,
	const struct store_job *row, struct fetch *fetch, const struct caller *who, bool *ret_taken,
	struct err *err)
{
	struct client_state *client = clients_get(&q->jobs.clients, row->client);
	cleanup_msg struct msg msg;
	struct caller owner;
	int r;

	if (client == NULL)
		return err_set(err, ENOMEM, "client");
	owner = (struct caller){ client, client->serial, who->is_operator };
	msg_init(&msg, MSG_SUBMIT);
	msg.submit.token = token;
	msg.submit.classic = row->classic;
	msg.submit.want = want;
	msg.submit.retention_s = row->retention_s;
	msg.submit.priority = row->priority > PRIORITY_MAX ? PRIORITY_MAX : row->priority;
	(void)snprintf(msg.submit.task, sizeof(msg.submit.task), "%s", row->task);
	r = read_request(q, row->seq, fetch, &msg.submit, err);
	if (r == 0)
		r = read_callback(q, row, &msg.submit, err);
	if (r == 0)
		*ret_taken = intake_take(q, gate, &msg, &owner);
	return r;
}

/* --- one job --- */

static void fetched(struct queue *q, struct fetch *fetch);

/* -ENOENT: as if there were none. -EEXIST: it has not ended. */
static int find(
	struct queue *q, const struct answer *answer, struct store_job *ret, struct err *err)
{
	int r = store_job_get(q->store, &answer->id, ret, err);

	if (r < 0)
		return r;
	if ((ret->state == JOB_DONE && ret->expires_age_ms <= age_now(&q->age)) ||
		!caller_may(&answer->who, ret->client))
		return err_set(err, ENOENT, "job");
	return ret->state == JOB_DONE ? 0 : err_set(err, EEXIST, "job");
}

static void refuse(struct queue *q, const struct answer *answer, const struct err *err)
{
	if (err->code == ENOENT) {
		reply_refused(q, answer->gate, answer->token, REFUSAL_NOT_FOUND, NULL, 0);
	} else if (err->code == EEXIST) {
		reply_refused(q, answer->gate, answer->token, REFUSAL_CONFLICT,
			"the job has not ended", 0);
	} else {
		log_error("job=%s cannot be run again: %s", queue_short_id(&answer->id).text,
			err->msg);
		reply_refused(q, answer->gate, answer->token, REFUSAL_STORE, NULL, 1);
	}
}

static void retry(struct queue *q, const struct answer *answer, struct fetch *fetch)
{
	struct store_job row;
	bool taken = false;
	struct err err;
	int r = find(q, answer, &row, &err);

	if (r == 0)
		r = again_submit(q, answer->gate, answer->token, WANT_SPEC, &row, fetch,
			&answer->who, &taken, &err);
	if (r == -EINPROGRESS)
		r = fetch_start(q, &row.id, row.seq, 0, REQUEST, fetched, answer, &err);
	if (r < 0)
		refuse(q, answer, &err);
	else if (taken)
		(void)audit_note(
			q, &answer->who, "retry", queue_short_id(&answer->id).text, "", &err);
}

static void fetched(struct queue *q, struct fetch *fetch)
{
	retry(q, &fetch->answer, fetch);
}

void again_ask(struct queue *q, uint64_t gate, const struct msg_job_retry *ask)
{
	struct answer answer = { .gate = gate, .token = ask->token, .id = ask->id };

	turn_flush(q); /* what has ended is in the store */
	if (CALLER_OF(q, gate, ask, false, &answer.who))
		retry(q, &answer, NULL);
}
