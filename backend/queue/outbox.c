/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "queue.h"
#include "reply.h"
#include "retention.h"

#define AT_ONCE_MAX   128 /* with the courier */
#define LOOK_MAX      32  /* in one transaction */
#define LONGEST_MS    (60 * 60 * 1000)
#define SHARED_MS     5000 /* a machine that died is noticed by its overdue endings */
#define CLAIM_MORE_MS 5000 /* beyond twice the time of an attempt */
#define BACKOFF_MS    INT64_C(1000)
#define BACKOFF_MAX   INT64_C(3600000)

struct flight {
	TAILQ_ENTRY(flight) next;
	struct msg_deliver what;
	bool sent; /* else the turn that claims it has it still */
};

static struct flight *flight_of(struct queue *q, uint64_t seq)
{
	struct flight *flight;

	TAILQ_FOREACH (flight, &q->outbox.flights, next)
		if (flight->what.seq == seq)
			return flight;
	return NULL;
}

static void flight_free(struct queue *q, struct flight *flight)
{
	TAILQ_REMOVE(&q->outbox.flights, flight, next);
	q->outbox.n_flights--;
	free(flight);
}

/* ---- when ----------------------------------------------------------------------------- */

static void look_in(struct queue *q, int64_t ms)
{
	struct timeval wait;

	ms = ms < 0 ? 0 : ms > LONGEST_MS ? LONGEST_MS : ms;
	wait = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	(void)event_add(q->outbox.timer, &wait);
	q->outbox.due_age_ms = age_now(&q->age) + ms;
}

void outbox_expect(struct queue *q, int64_t age_ms)
{
	if (age_ms < q->outbox.due_age_ms)
		look_in(q, age_ms - age_now(&q->age));
}

static void schedule(struct queue *q)
{
	int64_t now_ms = age_now(&q->age);
	int64_t next_ms;
	struct err err;

	q->outbox.due_age_ms = INT64_MAX;
	if (q->outbox.gate == 0)
		return;
	if (!q->store_up || store_next_callback(q->store, &next_ms, &err) < 0)
		next_ms = now_ms + TURN_RETRY_MS;
	else if (store_is_shared(q->store) && next_ms > now_ms + SHARED_MS)
		next_ms = now_ms + SHARED_MS;
	if (next_ms != INT64_MAX)
		outbox_expect(q, next_ms);
}

static int64_t jitter(int64_t ms)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return ms;
	return ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

/* From half of 1, 2, 4 ... seconds to all of it. */
static int64_t backoff_ms(uint32_t attempts)
{
	uint32_t doubled = attempts == 0 ? 0 : attempts - 1;
	int64_t ms = doubled > 12 ? BACKOFF_MAX : BACKOFF_MS << doubled;

	return jitter(ms > BACKOFF_MAX ? BACKOFF_MAX : ms);
}

/* ---- out -------------------------------------------------------------------------------- */

static void send_flight(struct queue *q, void *arg, bool committed)
{
	cleanup_msg struct msg msg;
	struct flight *flight = arg;

	if (!committed || q->outbox.gate == 0) {
		flight_free(q, flight);
		return;
	}
	msg_init(&msg, MSG_DELIVER);
	msg.deliver = flight->what;
	flight->sent = true;
	reply_send(q, q->outbox.gate, &msg);
}

static int claim(struct queue *q, const struct store_callback *callback, struct err *err)
{
	struct flight *flight = calloc(1, sizeof(*flight));
	int64_t until_ms =
		age_now(&q->age) + 2 * (int64_t)q->config->callback_timeout_ms + CLAIM_MORE_MS;
	int r;

	if (flight == NULL)
		return err_set(err, ENOMEM, "callback");
	r = store_callback_move(q->store, callback, until_ms, err);
	if (r < 0) {
		free(flight);
		return r == -ESTALE ? 0 : r; /* another machine was faster */
	}
	flight->what.seq = callback->seq;
	flight->what.claim = until_ms;
	flight->what.id = callback->id;
	(void)snprintf(flight->what.url, sizeof(flight->what.url), "%s", callback->url);
	TAILQ_INSERT_TAIL(&q->outbox.flights, flight, next);
	q->outbox.n_flights++;
	r = turn_after(q, send_flight, flight, err);
	if (r < 0)
		flight_free(q, flight);
	return r;
}

static int look(struct queue *q, struct err *err)
{
	cleanup_free struct store_callback *due = calloc(LOOK_MAX, sizeof(*due));
	size_t n = 0;
	int r = due == NULL
			? err_set(err, ENOMEM, "callbacks")
			: store_callbacks_due(q->store, age_now(&q->age), LOOK_MAX, due, &n, err);

	if (r < 0 || n == 0)
		return r;
	r = turn_begin(q, err);
	for (size_t i = 0; r == 0 && i < n && q->outbox.n_flights < AT_ONCE_MAX; i++) {
		struct flight *lost = flight_of(q, due[i].seq);

		if (lost != NULL)
			flight_free(q, lost);
		r = claim(q, &due[i], err);
	}
	if (r < 0)
		turn_spoil(q, err);
	return r;
}

/* Nobody there to send it, or no room: whoever comes, or comes back, makes it look again. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	struct err err;

	(void)fd;
	(void)what;
	q->outbox.due_age_ms = INT64_MAX;
	if (q->outbox.gate == 0 || q->outbox.n_flights >= AT_ONCE_MAX)
		return;
	turn_flush(q); /* the ending that it is about may not be written yet */
	if (q->store_up && look(q, &err) < 0)
		log_warning("callbacks: %s", err.msg);
	schedule(q);
}

/* ---- what came of it ----------------------------------------------------------------------- */

static int end(struct queue *q, struct store_callback *callback, enum callback_state state,
	int64_t expires_age_ms, struct err *err)
{
	int r = store_callback_end(q->store, callback, state, expires_age_ms, err);

	if (r < 0)
		return r;
	retention_expect(q, expires_age_ms);
	kept_moved(q, callback->client);
	*(state == CALLBACK_DELIVERED ? &q->metrics.delivered : &q->metrics.undelivered) += 1;
	if (state == CALLBACK_DELIVERED)
		log_info("job=%s callback=delivered attempts=%" PRIu32,
			queue_short_id(&callback->id).text, callback->attempts);
	else
		log_warning("job=%s callback=failed attempts=%" PRIu32 " reason=%s",
			queue_short_id(&callback->id).text, callback->attempts, callback->error);
	return 0;
}

static int failed(struct queue *q, struct store_callback *callback, struct err *err)
{
	int64_t now_ms = age_now(&q->age);
	int64_t last_ms = callback->ended_age_ms + (int64_t)q->config->callback_retry_s * 1000;
	int64_t next_ms = now_ms + backoff_ms(callback->attempts);

	if (now_ms >= last_ms)
		return end(
			q, callback, CALLBACK_FAILED, now_ms + callback->retention_s * 1000, err);
	return store_callback_move(q->store, callback, next_ms < last_ms ? next_ms : last_ms, err);
}

static int note(struct queue *q, const struct msg_delivered *said, struct err *err)
{
	struct store_callback callback;
	int64_t now_ms = age_now(&q->age);
	int64_t expires_ms;
	int r = store_callback_get(q->store, said->seq, &callback, err);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r; /* it went with its job */
	if (said->outcome == DELIVERY_DONE) {
		callback.attempts++;
		callback.error[0] = '\0';
		expires_ms = callback.ended_age_ms + callback.retention_s * 1000;
		return end(q, &callback, CALLBACK_DELIVERED,
			expires_ms > now_ms ? expires_ms : now_ms, err);
	}
	if (callback.due_age_ms != said->claim)
		return -ESTALE; /* somebody else has tried since */
	if (said->outcome == DELIVERY_BUSY)
		return store_callback_move(q->store, &callback,
			now_ms + jitter(2 * (int64_t)q->config->callback_timeout_ms), err);
	callback.attempts++;
	q->metrics.untaken++;
	(void)snprintf(callback.error, sizeof(callback.error), "%s", said->error);
	return failed(q, &callback, err);
}

void outbox_delivered(struct queue *q, const struct msg_delivered *said)
{
	struct flight *flight = flight_of(q, said->seq);
	struct err err;
	int r = turn_begin(q, &err);

	if (flight != NULL && flight->sent && flight->what.claim == said->claim)
		flight_free(q, flight);
	if (r == 0) {
		r = note(q, said, &err);
		if (r < 0 && r != -ESTALE)
			turn_spoil(q, &err);
	}
	schedule(q);
}

void outbox_courier(struct queue *q, uint64_t gate)
{
	q->outbox.gate = gate;
	schedule(q);
}

/* What it had is tried again by the next one. */
static void give_up(struct queue *q, const struct flight *flight)
{
	struct store_callback callback;
	struct err err;
	int r = turn_begin(q, &err);

	if (r == 0)
		r = store_callback_get(q->store, flight->what.seq, &callback, &err);
	if (r == 0 && callback.due_age_ms == flight->what.claim)
		r = store_callback_move(q->store, &callback, age_now(&q->age), &err);
	if (r < 0 && r != -ENOENT && r != -ESTALE && q->store_up)
		turn_spoil(q, &err);
}

void outbox_courier_left(struct queue *q, uint64_t gate)
{
	struct flight *flight;

	if (q->outbox.gate != gate)
		return; /* another one has come */
	q->outbox.gate = 0;
	turn_flush(q); /* nothing is on its way out any more */
	while ((flight = TAILQ_FIRST(&q->outbox.flights)) != NULL) {
		give_up(q, flight);
		flight_free(q, flight);
	}
}

/* ---- jobs ------------------------------------------------------------------------------------ */

int outbox_keep(struct queue *q, const struct store_job *row, const char *url, struct err *err)
{
	struct store_callback callback = { .seq = row->seq, .due_age_ms = INT64_MAX };
	int r = turn_begin(q, err); /* writes the job's row */

	if (r < 0)
		return r;
	(void)snprintf(callback.url, sizeof(callback.url), "%s", url);
	r = store_callback_put(q->store, &callback, err);
	if (r < 0)
		turn_spoil(q, err);
	return r;
}

int64_t outbox_expiry(const struct queue *q, int64_t retention_s, bool announced)
{
	return age_now(&q->age) +
	       (retention_s + (announced ? q->config->callback_retry_s : 0)) * 1000;
}

int outbox_init(struct queue *q, struct err *err)
{
	TAILQ_INIT(&q->outbox.flights);
	q->outbox.due_age_ms = INT64_MAX;
	q->outbox.timer = evtimer_new(q->base, on_look, q);
	return q->outbox.timer == NULL ? err_set(err, ENOMEM, "event") : 0;
}

void outbox_done(struct queue *q)
{
	struct flight *flight;

	if (q->outbox.timer == NULL)
		return;
	while ((flight = TAILQ_FIRST(&q->outbox.flights)) != NULL)
		flight_free(q, flight);
	event_free(q->outbox.timer);
	q->outbox.timer = NULL;
}
