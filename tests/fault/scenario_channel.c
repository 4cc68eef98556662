/* SPDX-License-Identifier: MIT */
/* Two roles over a socket pair: what is said arrives whole and once, or the channel closes. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scenario.h"
#include "wire/channel.h"

#define SAID  20
#define TURNS 2000 /* of the loop; far more than it takes */

struct end {
	struct channel *ch;
	bool open, closed;
	unsigned got, large;
	char why[400];
};

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	(void)ch;
	(void)hello;
	((struct end *)arg)->open = true;
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct end *end = arg;

	(void)ch;
	WANT(msg->type == MSG_SUBMIT && msg->submit.token == end->got);
	if (msg->submit.input.fd >= 0)
		end->large++;
	end->got++;
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct end *end = arg;

	(void)ch;
	(void)snprintf(end->why, sizeof(end->why), "%s", why);
	end->closed = true;
}

static const struct channel_ops ops = { on_open, on_message, NULL, on_closed };

static int submit(struct channel *ch, unsigned token, struct err *err)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_SUBMIT);
	msg.submit.token = token;
	if (token % 5 == 4) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return err_set(err, errno, "open");
		msg.submit.input = blob_of_fd(fd, 1);
	} else if (blob_of("spec", 4, &msg.submit.spec, err) < 0) {
		return -err->code;
	}
	return channel_send(ch, &msg, err);
}

static int join(struct event_base *base, struct end *gate, struct end *queue, struct err *err)
{
	const struct channel_self self = { 7, 1, "n" };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	r = channel_new(base, pair[0], ROLE_GATEWAY, ROLE_QUEUE, &self, &ops, gate, &gate->ch, err);
	if (r < 0) {
		(void)close(pair[1]);
		return r;
	}
	return channel_new(
		base, pair[1], ROLE_QUEUE, ROLE_GATEWAY, &self, &ops, queue, &queue->ch, err);
}

/* Until all has come, or one of them has closed; never for ever. */
static int talk(struct event_base *base, struct end *gate, struct end *queue, struct err *err)
{
	unsigned said = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (; said < SAID && gate->open && !gate->closed; said++) {
			int r = submit(gate->ch, said, err);

			if (r < 0)
				return r;
		}
		if (gate->closed || queue->closed)
			return err_say(err, EPIPE, "%s", gate->closed ? gate->why : queue->why);
		if (queue->got == SAID) {
			WANT(queue->large == SAID / 5);
			return 0;
		}
		if (event_base_loop(base, EVLOOP_ONCE) != 0)
			return err_say(err, EIO, "the loop has ended");
	}
	WANT(queue->got == SAID);
	return err_say(err, ETIMEDOUT, "no message comes");
}

static int converse(struct err *err)
{
	struct event_base *base = event_base_new();
	struct end gate = { 0 }, queue = { 0 };
	int r;

	if (base == NULL)
		return err_set(err, ENOMEM, "loop");
	r = join(base, &gate, &queue, err);
	if (r == 0)
		r = talk(base, &gate, &queue, err);
	channel_free(gate.ch);
	channel_free(queue.ch);
	event_base_free(base);
	return r;
}

static const int garbled[] = { EBADMSG, EPROTO, EPERM, EINVAL, 0 };

const struct scenario channel_scenarios[] = { { "channel", NULL, converse, garbled }, { 0 } };
