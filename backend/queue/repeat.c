/* SPDX-License-Identifier: MIT */
#include "repeat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "follow.h"
#include "queue.h"
#include "reply.h"

static bool is_over(struct queue *q, const struct store_job *row)
{
	return row->state == JOB_DONE && row->expires_age_ms <= age_now(&q->age);
}

/* Whose it is. -ENOENT: nobody's, or that of a job whose time is over. */
static int find(struct queue *q, const char *client, const char *name, struct store_key *ret_key,
	struct store_job *ret_row, struct err *err)
{
	int r = store_key_get(q->store, client, name, ret_key, err);

	if (r == 0)
		r = store_job_get_seq(q->store, ret_key->seq, ret_row, err);
	if (r == 0 && is_over(q, ret_row))
		r = err_say(err, ENOENT, "its job has expired");
	return r;
}

bool repeat_answer(
	struct queue *q, uint64_t gate, const struct msg_submit *submit, const struct caller *who)
{
	struct answer answer = { .gate = gate,
		.token = submit->token,
		.want = submit->want,
		.who = *who,
		.replayed = true };
	struct store_key key = { 0 };
	struct store_job row = { 0 };
	struct err err;
	int r;

	if (submit->key[0] == '\0')
		return false;
	r = find(q, who->client->client.name, submit->key, &key, &row, &err);
	if (r == -ENOENT)
		return false;
	if (r < 0) {
		log_error("a key cannot be looked up: %s", err.msg);
		reply_refused(q, gate, submit->token, REFUSAL_STORE, NULL, 1);
	} else if (memcmp(key.fingerprint, submit->fingerprint.b, sizeof(key.fingerprint)) != 0) {
		reply_refused(q, gate, submit->token, REFUSAL_KEY_REUSED,
			"Idempotency-Key: it came with another request before", 0);
	} else {
		answer.id = row.id;
		follow_know(q, &row);
		log_info("job=%s was submitted again", queue_short_id(&row.id).text);
		reply_job_later(q, &answer, submit->wait_ms, true);
	}
	return true;
}

/* A job that is over, but whose row is still there, gives its key up. */
static int take_over(struct queue *q, const struct store_key *key, struct err *err)
{
	struct store_key old;
	struct store_job row = { 0 };
	int r = store_key_get(q->store, key->client, key->name, &old, err);

	if (r == 0)
		r = store_job_get_seq(q->store, old.seq, &row, err);
	if (r < 0)
		return r;
	if (!is_over(q, &row))
		return -EEXIST;
	r = store_key_remove(q->store, old.seq, err);
	return r < 0 ? r : store_key_put(q->store, key, err);
}

struct store_key repeat_key(const struct msg_submit *submit, const char *client)
{
	struct store_key key = { 0 };

	(void)snprintf(key.client, sizeof(key.client), "%s", client);
	(void)snprintf(key.name, sizeof(key.name), "%s", submit->key);
	memcpy(key.fingerprint, submit->fingerprint.b, sizeof(key.fingerprint));
	return key;
}

int repeat_keep(struct queue *q, const struct store_key *key, struct err *err)
{
	int r = turn_begin(q, err); /* writes the job's row, which the key's names */

	if (r < 0)
		return r;
	r = store_key_put(q->store, key, err);
	if (r == -EEXIST)
		r = take_over(q, key, err);
	if (r == -EEXIST) {
		r = store_job_withdraw(q->store, key->seq, err);
		if (r == 0)
			return err_say(err, EEXIST, "another machine has taken the key");
	}
	if (r < 0)
		turn_spoil(q, err);
	return r;
}
