/* SPDX-License-Identifier: MIT */
#include "queue_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/role.h"

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS  2000

struct kept {
	STAILQ_ENTRY(kept) next;
	struct msg_delivered delivered;
};

struct queue_line {
	struct event_base *base;
	char path[256];
	struct channel_self self;
	const struct queue_line_ops *ops;
	void *arg;
	struct channel *channel; /* owned; NULL: not connected */
	struct event *timer;     /* owned */
	int retry_ms;
	bool told; /* that it cannot be reached */
	STAILQ_HEAD(, kept) kept;
};

static void retry_later(struct queue_line *line)
{
	struct timeval wait = { .tv_sec = line->retry_ms / 1000,
		.tv_usec = line->retry_ms % 1000 * 1000 };

	(void)event_add(line->timer, &wait);
	line->retry_ms = line->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : line->retry_ms * 2;
}

int queue_line_ask(struct queue_line *line, const struct msg *msg, struct err *err)
{
	int r;

	if (line->channel == NULL || !channel_is_open(line->channel))
		return err_say(err, ENOTCONN, "the queue is away");
	r = channel_send(line->channel, msg, err);
	if (r < 0)
		channel_break(line->channel, err);
	return r;
}

static int say(struct queue_line *line, const struct msg_delivered *delivered)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_DELIVERED);
	msg.delivered = *delivered;
	return queue_line_ask(line, &msg, &err);
}

/* What finds no memory is tried once more: the queue takes it for lost. */
void queue_line_tell(struct queue_line *line, const struct msg_delivered *delivered)
{
	struct kept *kept;

	if (say(line, delivered) == 0)
		return;
	kept = calloc(1, sizeof(*kept));
	if (kept == NULL)
		return;
	kept->delivered = *delivered;
	STAILQ_INSERT_TAIL(&line->kept, kept, next);
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct queue_line *line = arg;
	struct kept *kept;

	(void)ch;
	(void)hello;
	log_info("queue is there");
	line->retry_ms = RETRY_FIRST_MS;
	line->told = false;
	while ((kept = STAILQ_FIRST(&line->kept)) != NULL && say(line, &kept->delivered) == 0) {
		STAILQ_REMOVE_HEAD(&line->kept, next);
		free(kept);
	}
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct queue_line *line = arg;

	(void)ch;
	line->ops->message(msg, line->arg);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct queue_line *line = arg;

	if (!line->told)
		log_warning("queue is gone: %s", why);
	line->told = true;
	line->channel = NULL;
	channel_free(ch);
	retry_later(line);
	line->ops->lost(line->arg);
}

static const struct channel_ops channel_ops = {
	.open = on_open, .message = on_message, .closed = on_closed
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	queue_line_connect(arg);
}

void queue_line_connect(struct queue_line *line)
{
	struct err err;

	if (channel_connect(line->base, line->path, ROLE_COURIER, ROLE_QUEUE, &line->self,
		    &channel_ops, line, &line->channel, &err) == 0)
		return;
	line->channel = NULL;
	if (!line->told)
		log_warning("queue cannot be reached yet: %s", err.msg);
	line->told = true;
	retry_later(line);
}

int queue_line_new(struct event_base *base, const struct config *config,
	const struct queue_line_ops *ops, void *arg, struct queue_line **ret, struct err *err)
{
	struct queue_line *line = calloc(1, sizeof(*line));
	int r;

	if (line == NULL)
		return err_set(err, ENOMEM, "queue");
	STAILQ_INIT(&line->kept);
	line->base = base;
	line->ops = ops;
	line->arg = arg;
	line->retry_ms = RETRY_FIRST_MS;
	line->self =
		(struct channel_self){ .generation = config->generation, .node = config->node };
	line->timer = evtimer_new(base, on_timer, line);
	if (line->timer == NULL || getrandom(&line->self.instance, sizeof(line->self.instance),
					   0) != (ssize_t)sizeof(line->self.instance))
		r = err_set(err, ENOMEM, "queue");
	else
		r = role_socket_path(
			config, SOCKET_QUEUE_COURIER, line->path, sizeof(line->path), err);
	if (r < 0)
		queue_line_free(line);
	else
		*ret = line;
	return r;
}

void queue_line_free(struct queue_line *line)
{
	struct kept *kept;

	if (line == NULL)
		return;
	channel_free(line->channel);
	while ((kept = STAILQ_FIRST(&line->kept)) != NULL) {
		STAILQ_REMOVE_HEAD(&line->kept, next);
		free(kept);
	}
	if (line->timer != NULL)
		event_free(line->timer);
	free(line);
}
