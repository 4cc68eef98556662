/* SPDX-License-Identifier: MIT */
#include "upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "wire/channel.h"

#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS  1000
#define PENDING_MAX    65536U

/* A token is the slot's number below, and above it how often the slot was used: no answer meets a
 * later asker. */
#define SLOT_BITS 20

struct pending {
	uint64_t token; /* 0: free */
	upstream_reply *reply;
	void *arg;
	uint32_t uses;
	uint32_t next_free; /* slot + 1, 0: none */
};

struct upstream {
	struct event_base *base;
	const struct config *config;
	uint64_t instance;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct channel *channel; /* owned */
	struct event *retry;     /* owned */
	int retry_ms;
	bool said_away;
	void (*idle)(void *arg);
	void *arg;
	struct pending *pending; /* owned */
	uint32_t n_slots, free_slot;
	size_t n_pending;
};

static struct pending *pending_find(struct upstream *up, uint64_t token)
{
	uint64_t slot = token & ((1U << SLOT_BITS) - 1);

	if (token == 0 || slot >= up->n_slots || up->pending[slot].token != token)
		return NULL;
	return &up->pending[slot];
}

static bool pending_grow(struct upstream *up)
{
	uint32_t n = up->n_slots == 0 ? 64 : up->n_slots * 2;
	struct pending *more;

	if (n > PENDING_MAX)
		return false;
	more = realloc(up->pending, n * sizeof(*more));
	if (more == NULL)
		return false;
	for (uint32_t i = up->n_slots; i < n; i++)
		more[i] = (struct pending){ .next_free = i + 1 < n ? i + 2 : 0 };
	up->free_slot = up->n_slots + 1;
	up->pending = more;
	up->n_slots = n;
	return true;
}

static struct pending *pending_take(struct upstream *up)
{
	struct pending *p;

	if (up->free_slot == 0 && !pending_grow(up))
		return NULL;
	p = &up->pending[up->free_slot - 1];
	up->free_slot = p->next_free;
	p->token = (uint64_t)++p->uses << SLOT_BITS | (uint64_t)(p - up->pending);
	up->n_pending++;
	return p;
}

static void pending_release(struct upstream *up, struct pending *p)
{
	p->token = 0;
	p->next_free = up->free_slot;
	up->free_slot = (uint32_t)(p - up->pending) + 1;
	up->n_pending--;
}

/* Where a message has its token; NULL for types without one. */
static uint64_t *token_of(struct msg *msg)
{
	switch (msg->type) {
	case MSG_SUBMIT:
		return &msg->submit.token;
	case MSG_JOB_GET:
		return &msg->job_get.token;
	case MSG_JOB_CANCEL:
		return &msg->job_cancel.token;
	case MSG_JOB_INPUT:
		return &msg->job_input.token;
	case MSG_INPUT_TAKEN:
		return &msg->input_taken.token;
	case MSG_JOB_LIST:
		return &msg->job_list.token;
	case MSG_QUEUE_GET:
		return &msg->queue_get.token;
	case MSG_WATCH:
		return &msg->watch.token;
	case MSG_STATUS_GET:
		return &msg->status_get.token;
	case MSG_PAUSE:
		return &msg->pause.token;
	case MSG_SWEEP:
		return &msg->sweep.token;
	case MSG_JOB_PURGE:
		return &msg->job_purge.token;
	case MSG_JOB_RETRY:
		return &msg->job_retry.token;
	case MSG_HISTORY_GET:
		return &msg->history_get.token;
	case MSG_CLIENT_ASK:
		return &msg->client_ask.token;
	case MSG_CLIENT_TELL:
		return &msg->client_tell.token;
	case MSG_SPOOL_OPEN:
		return &msg->spool_open.token;
	case MSG_JOB:
		return &msg->job.token;
	case MSG_PROGRESS:
		return &msg->progress.token;
	case MSG_REFUSED:
		return &msg->refused.token;
	case MSG_JOBS:
		return &msg->jobs.token;
	case MSG_STATUS:
		return &msg->status.token;
	case MSG_DONE:
		return &msg->done.token;
	case MSG_HISTORY:
		return &msg->history.token;
	case MSG_SPOOL:
		return &msg->spool.token;
	default:
		return NULL;
	}
}

/* Takes the slot's asker out before it is called: it may ask again at once. */
static void answer(struct upstream *up, struct pending *p, struct msg *msg)
{
	upstream_reply *reply = p->reply;
	void *arg = p->arg;

	pending_release(up, p);
	reply(arg, msg);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct upstream *up = arg;
	const uint64_t *token = token_of(msg);
	struct pending *p = token == NULL ? NULL : pending_find(up, *token);

	(void)ch;
	if (p != NULL)
		answer(up, p, msg);
}

static void on_batch_end(struct channel *ch, void *arg)
{
	struct upstream *up = arg;

	(void)ch;
	up->idle(up->arg);
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct upstream *up = arg;

	(void)ch;
	(void)hello;
	log_info("connected to the queue");
	up->retry_ms = RETRY_FIRST_MS;
	up->said_away = false;
}

static void retry_later(struct upstream *up)
{
	struct timeval after = { up->retry_ms / 1000, up->retry_ms % 1000 * 1000 };

	(void)event_add(up->retry, &after);
	up->retry_ms = up->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : up->retry_ms * 2;
}

static void answer_all_away(struct upstream *up)
{
	for (uint32_t i = 0; i < up->n_slots; i++) {
		if (up->pending[i].token != 0)
			answer(up, &up->pending[i], NULL);
	}
	up->idle(up->arg);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct upstream *up = arg;

	log_warning("lost the queue: %s", why);
	up->channel = NULL;
	channel_free(ch);
	retry_later(up);
	answer_all_away(up);
}

static const struct channel_ops channel_ops = {
	.open = on_open,
	.message = on_message,
	.batch_end = on_batch_end,
	.closed = on_closed,
};

static void try_connect(struct upstream *up)
{
	struct channel_self self = {
		.generation = up->config->generation,
		.instance = up->instance,
		.node = up->config->node,
	};
	struct err err;

	if (channel_connect(up->base, up->path, ROLE_GATEWAY, ROLE_QUEUE, &self, &channel_ops, up,
		    &up->channel, &err) == 0)
		return;
	if (!up->said_away)
		log_warning("the queue is not there: %s", err.msg);
	up->said_away = true;
	retry_later(up);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_connect(arg);
}

int upstream_new(struct event_base *base, const struct config *config, void (*idle)(void *arg),
	void *arg, struct upstream **ret, struct err *err)
{
	struct upstream *up = calloc(1, sizeof(*up));
	int r;

	if (up == NULL)
		return err_set(err, ENOMEM, "the way to the queue");
	*up = (struct upstream){ .base = base, .config = config, .idle = idle, .arg = arg };
	up->retry_ms = RETRY_FIRST_MS;
	if (getrandom(&up->instance, sizeof(up->instance), 0) != sizeof(up->instance)) {
		r = err_set(err, errno, "getrandom");
		goto fail;
	}
	r = role_socket_path(config, SOCKET_QUEUE_GATEWAY, up->path, sizeof(up->path), err);
	if (r < 0)
		goto fail;
	up->retry = evtimer_new(base, on_retry, up);
	if (up->retry == NULL) {
		r = err_set(err, ENOMEM, "the way to the queue");
		goto fail;
	}
	try_connect(up);
	*ret = up;
	return 0;
fail:
	upstream_free(up);
	return r;
}

void upstream_free(struct upstream *up)
{
	if (up == NULL)
		return;
	channel_free(up->channel);
	if (up->retry != NULL)
		event_free(up->retry);
	free(up->pending);
	free(up);
}

bool upstream_is_up(const struct upstream *up)
{
	return up->channel != NULL && channel_is_open(up->channel);
}

int upstream_ask(struct upstream *up, struct msg *msg, upstream_reply *reply, void *arg,
	uint64_t *ret_token, struct err *err)
{
	uint64_t *token = token_of(msg);
	struct pending *p;
	int r;

	if (!upstream_is_up(up))
		return err_say(err, ENOTCONN, "the queue is not there");
	if (token == NULL)
		return err_say(err, EINVAL, "no question: %s", msg_name(msg->type));
	p = pending_take(up);
	if (p == NULL)
		return err_say(err, ENOBUFS, "too many questions wait");
	p->reply = reply;
	p->arg = arg;
	*token = p->token;
	r = channel_send(up->channel, msg, err);
	if (r < 0) {
		pending_release(up, p);
		return r;
	}
	*ret_token = *token;
	return 0;
}

void upstream_forget(struct upstream *up, uint64_t token)
{
	struct pending *p = pending_find(up, token);
	struct msg msg;
	struct err err;

	if (p == NULL)
		return;
	pending_release(up, p);
	if (!upstream_is_up(up))
		return;
	msg_init(&msg, MSG_FORGET);
	msg.forget.token = token;
	/* Not told, the queue only does some needless waiting. */
	(void)channel_send(up->channel, &msg, &err);
}

size_t upstream_pending(const struct upstream *up)
{
	return up->n_pending;
}
