/* SPDX-License-Identifier: MIT */
#include "waiters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct waiter_key {
	uint64_t gate, token;
};

struct waiter {
	struct waiter_key key;
	struct answer answer;
	struct waiters *all;
	struct event *timer; /* owned */
	struct waiters_of *of;
	TAILQ_ENTRY(waiter) next; /* of the same job */
	UT_hash_handle hh;
};

TAILQ_HEAD(waiter_list, waiter);

/* All that wait for one job. */
struct waiters_of {
	struct job_id id;
	struct waiter_list list;
	size_t n_watches;
	UT_hash_handle hh;
};

void waiters_init(struct waiters *waiters, struct event_base *base,
	void (*timed_out)(const struct answer *answer, void *arg), void *arg)
{
	*waiters = (struct waiters){ .base = base, .timed_out = timed_out, .arg = arg };
}

static void remove_waiter(struct waiter *w)
{
	struct waiters *all = w->all;
	struct waiters_of *of = w->of;

	HASH_DEL(all->by_token, w);
	TAILQ_REMOVE(&of->list, w, next);
	if (w->answer.watch) {
		of->n_watches--;
		all->n_watches--;
	}
	if (TAILQ_EMPTY(&of->list)) {
		HASH_DEL(all->by_job, of);
		free(of);
	}
	event_free(w->timer);
	free(w);
}

void waiters_done(struct waiters *waiters)
{
	struct waiter *w, *next;

	HASH_ITER(hh, waiters->by_token, w, next)
	remove_waiter(w);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *w = arg;
	struct waiters *all = w->all;
	struct answer answer = w->answer;

	(void)fd;
	(void)what;
	remove_waiter(w);
	all->timed_out(&answer, all->arg);
}

static struct waiters_of *list_of(struct waiters *waiters, const struct job_id *id)
{
	struct waiters_of *of;

	HASH_FIND(hh, waiters->by_job, id, sizeof(*id), of);
	if (of != NULL)
		return of;
	of = calloc(1, sizeof(*of));
	if (of == NULL)
		return NULL;
	of->id = *id;
	TAILQ_INIT(&of->list);
	HASH_ADD(hh, waiters->by_job, id, sizeof(of->id), of);
	return of;
}

static struct waiter *find(const struct waiters *waiters, uint64_t gate, uint64_t token)
{
	struct waiter_key key = { gate, token };
	struct waiter *w;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the key is whole */
	HASH_FIND(hh, waiters->by_token, &key, sizeof(key), w);
	return w;
}

int waiters_add(
	struct waiters *waiters, const struct answer *answer, uint32_t wait_ms, struct err *err)
{
	const struct timeval wait = { wait_ms / 1000, (suseconds_t)(wait_ms % 1000) * 1000 };
	struct waiter *w;

	if (find(waiters, answer->gate, answer->token) != NULL)
		return err_say(err, EEXIST, "this request waits already");
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(err, ENOMEM, "wait");
	w->key = (struct waiter_key){ answer->gate, answer->token };
	w->answer = *answer;
	w->all = waiters;
	w->timer = event_new(waiters->base, -1, 0, on_timer, w);
	w->of = w->timer == NULL ? NULL : list_of(waiters, &answer->id);
	if (w->of == NULL) {
		if (w->timer != NULL)
			event_free(w->timer);
		free(w);
		return err_set(err, ENOMEM, "wait");
	}
	TAILQ_INSERT_TAIL(&w->of->list, w, next);
	HASH_ADD(hh, waiters->by_token, key, sizeof(w->key), w);
	if (w->answer.watch) {
		w->of->n_watches++;
		waiters->n_watches++;
	}
	(void)event_add(w->timer, &wait);
	return 0;
}

bool waiters_has(const struct waiters *waiters, const struct job_id *id)
{
	struct waiters_of *of;

	HASH_FIND(hh, waiters->by_job, id, sizeof(*id), of);
	return of != NULL;
}

bool waiters_forget(struct waiters *waiters, uint64_t gate, uint64_t token)
{
	struct waiter *w = find(waiters, gate, token);

	if (w != NULL)
		remove_waiter(w);
	return w != NULL;
}

void waiters_forget_gate(struct waiters *waiters, uint64_t gate)
{
	struct waiter *w, *next;

	HASH_ITER(hh, waiters->by_token, w, next)
	if (w->key.gate == gate)
		remove_waiter(w);
}

void waiters_wake(struct waiters *waiters, const struct job_id *id,
	void (*fn)(const struct answer *answer, void *arg), void *arg)
{
	struct waiters_of *of;
	struct waiter *w;

	for (;;) {
		struct answer answer;

		HASH_FIND(hh, waiters->by_job, id, sizeof(*id), of);
		if (of == NULL)
			return;
		w = TAILQ_FIRST(&of->list);
		answer = w->answer;
		remove_waiter(w);
		fn(&answer, arg);
	}
}

void waiters_wake_unless(struct waiters *waiters,
	bool (*unless)(const struct job_id *id, void *arg),
	void (*fn)(const struct answer *answer, void *arg), void *arg)
{
	struct waiters_of *of, *next;

	HASH_ITER(hh, waiters->by_job, of, next)
	{
		struct job_id id = of->id; /* of is gone with the last of its waiters */

		if (!unless(&id, arg))
			waiters_wake(waiters, &id, fn, arg);
	}
}

const struct answer *waiters_find(const struct waiters *waiters, uint64_t gate, uint64_t token)
{
	const struct waiter *w = find(waiters, gate, token);

	return w == NULL ? NULL : &w->answer;
}

bool waiters_has_watch(const struct waiters *waiters, const struct job_id *id)
{
	struct waiters_of *of;

	if (waiters->n_watches == 0)
		return false;
	HASH_FIND(hh, waiters->by_job, id, sizeof(*id), of);
	return of != NULL && of->n_watches > 0;
}

static void wake_watches_of(struct waiters_of *of,
	bool (*which)(const struct answer *answer, void *arg),
	void (*fn)(const struct answer *answer, void *arg), void *arg)
{
	struct waiter *w = TAILQ_FIRST(&of->list), *next;

	/* `of` is gone with the last of its waiters. */
	for (size_t left = of->n_watches; left > 0; w = next) {
		struct answer answer = w->answer;

		next = TAILQ_NEXT(w, next);
		if (!answer.watch)
			continue;
		left--;
		if (!which(&answer, arg))
			continue;
		remove_waiter(w);
		fn(&answer, arg);
	}
}

void waiters_wake_watches(struct waiters *waiters, const struct job_id *id,
	bool (*which)(const struct answer *answer, void *arg),
	void (*fn)(const struct answer *answer, void *arg), void *arg)
{
	struct waiters_of *of, *next;

	if (id != NULL) {
		HASH_FIND(hh, waiters->by_job, id, sizeof(*id), of);
		if (of != NULL)
			wake_watches_of(of, which, fn, arg);
		return;
	}
	if (waiters->n_watches == 0)
		return;
	HASH_ITER(hh, waiters->by_job, of, next)
	wake_watches_of(of, which, fn, arg);
}

size_t waiters_count(const struct waiters *waiters)
{
	return HASH_COUNT(waiters->by_token);
}
