/* SPDX-License-Identifier: MIT */
#include "queue_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/log.h"

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS  2000

struct kept {
	TAILQ_ENTRY(kept) link;
	struct msg msg;
};

struct queue_link {
	struct event_base *base;
	char path[256];
	struct channel_self self;
	char node[65];
	const struct queue_link_ops *ops;
	void *arg;
	struct channel *channel; /* owned; NULL: not connected */
	struct event *timer;     /* owned */
	int retry_ms;
	bool told; /* that it cannot be reached */
	TAILQ_HEAD(, kept) kept;
	size_t n_kept;
};

static void retry_later(struct queue_link *link)
{
	struct timeval tv = { .tv_sec = link->retry_ms / 1000,
		.tv_usec = link->retry_ms % 1000 * 1000 };

	(void)event_add(link->timer, &tv);
	link->retry_ms = link->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : link->retry_ms * 2;
}

static void identify(const struct msg *msg, struct job_id *ret_id, uint32_t *ret_attempt)
{
	if (msg->type == MSG_ENDING) {
		*ret_id = msg->ending.id;
		*ret_attempt = msg->ending.attempt;
	} else {
		*ret_id = msg->giveback.id;
		*ret_attempt = msg->giveback.attempt;
	}
}

static void drop(struct queue_link *link, struct kept *kept)
{
	TAILQ_REMOVE(&link->kept, kept, link);
	link->n_kept--;
	msg_done(&kept->msg);
	free(kept);
}

static bool send_now(struct queue_link *link, const struct msg *msg)
{
	struct err err;

	if (link->channel == NULL || !channel_is_open(link->channel))
		return false;
	/* That a job has started goes with its ending, where that is so short. */
	if ((msg->type == MSG_STARTED ? channel_send_soon : channel_send)(
		    link->channel, msg, &err) == 0)
		return true;
	log_warning("%s to the queue: %s", msg_name(msg->type), err.msg);
	channel_break(link->channel, &err);
	return false;
}

void queue_link_tell(struct queue_link *link, const struct msg *msg)
{
	(void)send_now(link, msg);
}

static void send_kept(struct queue_link *link)
{
	struct kept *kept, *next;

	for (kept = TAILQ_FIRST(&link->kept); kept != NULL; kept = next) {
		next = TAILQ_NEXT(kept, link);
		if (send_now(link, &kept->msg) && kept->msg.type == MSG_GIVEBACK)
			drop(link, kept);
	}
}

int queue_link_keep(struct queue_link *link, struct msg *msg, struct err *err)
{
	struct kept *kept;

	if (msg->type == MSG_GIVEBACK && send_now(link, msg)) {
		msg_done(msg);
		return 0;
	}
	kept = calloc(1, sizeof(*kept));
	if (kept == NULL) {
		(void)err_set(err, ENOMEM, "ending");
		if (link->channel != NULL)
			channel_break(link->channel, err);
		return -ENOMEM;
	}
	kept->msg = *msg;
	TAILQ_INSERT_TAIL(&link->kept, kept, link);
	link->n_kept++;
	if (kept->msg.type == MSG_ENDING)
		(void)send_now(link, &kept->msg);
	return 0;
}

static struct kept *find(const struct queue_link *link, const struct job_id *id, uint32_t attempt)
{
	struct kept *kept;

	TAILQ_FOREACH (kept, &link->kept, link) {
		struct job_id kept_id;
		uint32_t kept_attempt;

		identify(&kept->msg, &kept_id, &kept_attempt);
		if (kept_attempt == attempt && job_id_equal(&kept_id, id))
			return kept;
	}
	return NULL;
}

bool queue_link_keeps(const struct queue_link *link, const struct job_id *id, uint32_t attempt)
{
	return find(link, id, attempt) != NULL;
}

size_t queue_link_kept(const struct queue_link *link)
{
	return link->n_kept;
}

void queue_link_pack_kept(const struct queue_link *link, struct packer *p)
{
	struct kept *kept;

	TAILQ_FOREACH (kept, &link->kept, link) {
		struct job_id id;
		uint32_t attempt;

		identify(&kept->msg, &id, &attempt);
		pack_raw(p, id.b, sizeof(id.b));
		pack_u32(p, attempt);
		pack_u64(p, 0); /* it runs no more */
	}
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct queue_link *link = arg;

	(void)ch;
	(void)hello;
	log_info("queue is there");
	link->retry_ms = RETRY_FIRST_MS;
	link->told = false;
	link->ops->open(link->arg);
	send_kept(link);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct queue_link *link = arg;
	struct kept *kept;

	(void)ch;
	switch (msg->type) {
	case MSG_RUN:
		link->ops->run(&msg->run, link->arg);
		break;
	case MSG_STOP:
		link->ops->stop(&msg->stop, link->arg);
		break;
	case MSG_TAP:
		link->ops->tap(&msg->tap, link->arg);
		break;
	case MSG_INPUT:
		link->ops->input(&msg->input, link->arg);
		break;
	case MSG_SPOOL:
		link->ops->spool(&msg->spool, link->arg);
		break;
	case MSG_METRICS_GET:
		link->ops->metrics(link->arg);
		break;
	case MSG_REFUSED:
		link->ops->refused(&msg->refused, link->arg);
		break;
	case MSG_ENDING_ACK:
		kept = find(link, &msg->ending_ack.id, msg->ending_ack.attempt);
		if (kept != NULL) {
			drop(link, kept);
			link->ops->acknowledged(link->arg);
		}
		break;
	default:
		log_warning("%s from the queue is not expected", msg_name(msg->type));
		break;
	}
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct queue_link *link = arg;

	if (!link->told)
		log_warning("queue is gone: %s", why);
	link->told = true;
	link->channel = NULL;
	channel_free(ch);
	retry_later(link);
	link->ops->lost(link->arg);
}

static const struct channel_ops channel_ops = {
	.open = on_open, .message = on_message, .closed = on_closed
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	queue_link_connect(arg);
}

void queue_link_connect(struct queue_link *link)
{
	struct err err;

	if (channel_connect(link->base, link->path, ROLE_DRIVER, ROLE_QUEUE, &link->self,
		    &channel_ops, link, &link->channel, &err) == 0)
		return;
	link->channel = NULL;
	if (!link->told)
		log_warning("queue cannot be reached yet: %s", err.msg);
	link->told = true;
	retry_later(link);
}

bool queue_link_is_open(const struct queue_link *link)
{
	return link->channel != NULL && channel_is_open(link->channel);
}

int queue_link_new(struct event_base *base, const char *path, const struct channel_self *self,
	const struct queue_link_ops *ops, void *arg, struct queue_link **ret, struct err *err)
{
	struct queue_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return err_set(err, ENOMEM, "queue");
	link->base = base;
	link->ops = ops;
	link->arg = arg;
	link->retry_ms = RETRY_FIRST_MS;
	TAILQ_INIT(&link->kept);
	(void)snprintf(link->path, sizeof(link->path), "%s", path);
	(void)snprintf(link->node, sizeof(link->node), "%s", self->node == NULL ? "" : self->node);
	link->self = *self;
	link->self.node = link->node;
	link->timer = evtimer_new(base, on_timer, link);
	if (link->timer == NULL) {
		free(link);
		return err_set(err, ENOMEM, "queue");
	}
	*ret = link;
	return 0;
}

void queue_link_free(struct queue_link *link)
{
	if (link == NULL)
		return;
	channel_free(link->channel);
	while (!TAILQ_EMPTY(&link->kept))
		drop(link, TAILQ_FIRST(&link->kept));
	event_free(link->timer);
	free(link);
}
