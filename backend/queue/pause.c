/* SPDX-License-Identifier: MIT */
#include "pause.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit.h"
#include "common/cleanup.h"
#include "queue.h"
#include "reply.h"
#include "wire/pack.h"

/* "" is the whole queue. NULL: a task that is not offered here. */
static bool *mark_of(struct queue *q, const char *task)
{
	size_t line;

	if (task[0] == '\0')
		return &q->jobs.paused;
	return jobs_line(&q->jobs, task, &line) ? &q->jobs.lines[line].paused : NULL;
}

static void take(const char *task, void *arg)
{
	bool *mark = mark_of(arg, task);

	if (mark != NULL)
		*mark = true;
}

int pause_load(struct queue *q, struct err *err)
{
	q->jobs.paused = false;
	for (size_t i = 0; i < q->jobs.n_lines; i++)
		q->jobs.lines[i].paused = false;
	return store_each_pause(q->store, take, q, err);
}

struct order_to_pause {
	uint64_t gate, token;
	char task[TASK_NAME_MAX + 1];
	bool paused;
};

static void is_stored(struct queue *q, void *arg, bool committed)
{
	cleanup_free struct order_to_pause *order = arg;
	bool *mark = mark_of(q, order->task);
	bool changed = mark != NULL && *mark != order->paused;

	if (!committed) {
		reply_refused(q, order->gate, order->token, REFUSAL_STORE, NULL, 1);
		return;
	}
	if (mark != NULL)
		*mark = order->paused;
	reply_count(q, order->gate, order->token, changed, 0);
	queue_kick(q);
}

static int store_it(struct queue *q, const struct msg_pause *ask, const struct caller *who,
	struct order_to_pause *order, struct err *err)
{
	int r = audit_note(q, who, ask->paused != 0 ? "pause" : "resume", ask->task, "", err);

	if (r < 0)
		return r;
	r = store_pause_set(q->store, ask->task, ask->paused != 0, err);
	if (r < 0)
		turn_spoil(q, err);
	return r < 0 ? r : turn_after(q, is_stored, order, err);
}

void pause_set(struct queue *q, uint64_t gate, const struct msg_pause *ask)
{
	struct order_to_pause *order;
	struct caller who;
	struct err err;

	if (!CALLER_OF(q, gate, ask, false, &who))
		return;
	if (!who.is_operator) {
		reply_refused(q, gate, ask->token, REFUSAL_FORBIDDEN,
			"only operators may pause and resume", 0);
		return;
	}
	if (mark_of(q, ask->task) == NULL) {
		reply_refused(q, gate, ask->token, REFUSAL_UNKNOWN_TASK, NULL, 0);
		return;
	}
	order = calloc(1, sizeof(*order));
	if (order != NULL) {
		*order = (struct order_to_pause){ gate, ask->token, "", ask->paused != 0 };
		(void)snprintf(order->task, sizeof(order->task), "%s", ask->task);
		if (store_it(q, ask, &who, order, &err) == 0)
			return;
	}
	free(order);
	reply_refused(q, gate, ask->token, REFUSAL_STORE, NULL, 1);
}

int pause_list(const struct queue *q, struct blob *ret, struct err *err)
{
	struct packer p = packer_growing();

	for (size_t i = 0; i < q->jobs.n_lines; i++)
		if (q->jobs.lines[i].paused)
			pack_str(&p, q->jobs.lines[i].task->name);
	if (p.failed) {
		packer_done(&p);
		return err_set(err, ENOMEM, "paused tasks");
	}
	*ret = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	return 0;
}
