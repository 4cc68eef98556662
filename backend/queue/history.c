/* SPDX-License-Identifier: MIT */
#include "history.h"

#include <errno.h>

#include "common/clock.h"
#include "common/log.h"
#include "drive.h"
#include "queue.h"
#include "reply.h"

void history_add(struct history *history, const struct sample *sample)
{
	history->ring[(history->first + history->n) % HISTORY_MAX] = *sample;
	if (history->n < HISTORY_MAX)
		history->n++;
	else
		history->first = (history->first + 1) % HISTORY_MAX;
}

const struct sample *history_at(const struct history *history, size_t i)
{
	return &history->ring[(history->first + i) % HISTORY_MAX];
}

struct sample history_now(const struct queue *q)
{
	const struct jobs *jobs = &q->jobs;
	struct sample now = {
		.at_ms = clock_unix_ms(),
		.waiting = (uint32_t)jobs_waiting(jobs),
		.running = (uint32_t)jobs->n_running,
		.slots_used = (uint32_t)jobs->used_slots,
		.cpus_used = jobs->used.cpus,
		.memory_used_bytes = jobs->used.memory_bytes,
		.gpus_used = (uint32_t)__builtin_popcountll(gpu_busy(&jobs->gpus)),
	};
	struct admission_need all;
	int slots;

	if (q->drive.ch == NULL || !q->drive.node_seen)
		return now;
	all = drive_budget(q, &slots);
	now.slots = (uint32_t)slots;
	now.cpus = all.cpus;
	now.memory_bytes = all.memory_bytes;
	now.gpus = (uint32_t)q->drive.gpus.n;
	return now;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	struct sample now = history_now(q);

	(void)fd;
	(void)what;
	history_add(&q->history, &now);
}

int history_init(struct queue *q, struct err *err)
{
	const struct timeval step = { .tv_sec = HISTORY_STEP_S };

	q->history.event = event_new(q->base, -1, EV_PERSIST, on_time, q);
	if (q->history.event == NULL || event_add(q->history.event, &step) < 0)
		return err_set(err, ENOMEM, "event");
	return 0;
}

void history_done(struct queue *q)
{
	if (q->history.event != NULL)
		event_free(q->history.event);
	q->history.event = NULL;
}

void history_reply(struct queue *q, uint64_t gate, uint64_t token)
{
	struct packer p = packer_growing();
	struct sample now = history_now(q);
	cleanup_msg struct msg msg;

	for (size_t i = 0; i < q->history.n; i++)
		sample_pack(&p, history_at(&q->history, i));
	sample_pack(&p, &now);
	if (p.failed) {
		packer_done(&p);
		reply_refused(q, gate, token, REFUSAL_NOT_READY, "out of memory", 1);
		return;
	}
	msg_init(&msg, MSG_HISTORY);
	msg.history.token = token;
	msg.history.step_s = HISTORY_STEP_S;
	msg.history.samples = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	reply_send(q, gate, &msg);
}
