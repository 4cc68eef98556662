/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "pack.h"

#define BATCH_MAX    256  /* messages read before others get their turn */
#define SOON_US      5000 /* that long a message may wait for another one */
#define RETRY_US     2000 /* after ETOOMANYREFS, which no event follows */
#define SOCKET_BYTES (4 * 1024 * 1024)
#define LENGTH_BYTES 4 /* in front of each message of a datagram */
#define DATAGRAM_MAX (MSG_BYTES_MAX + LENGTH_BYTES)

/* A datagram that the socket did not take yet. */
struct waiting {
	STAILQ_ENTRY(waiting) next;
	size_t len, n_messages;
	int fds[MSG_FDS_MAX]; /* owned */
	size_t nfds;
	uint8_t bytes[];
};

STAILQ_HEAD(waiting_list, waiting);

struct channel {
	int fd;
	enum role self, peer;
	struct channel_self who;
	char node[65];
	struct event *readable, *writable;
	struct event *soon; /* `out` is sent then, if nothing sends it before */
	bool due;           /* `out` is sent at the end of the loop's turn */
	const struct channel_ops *ops;
	void *arg;
	struct waiting_list waiting;
	size_t n_waiting, waiting_bytes; /* messages, bytes */
	bool open;                       /* the peer's HELLO has passed */
	bool closed;                     /* ops->closed was called, or will be from `writable` */
	char why[sizeof(((struct err *)0)->msg)];
	uint8_t in[DATAGRAM_MAX];
	/* The datagram that the next messages go into, and behind it room to write one more. */
	uint8_t out[2 * DATAGRAM_MAX];
	size_t out_len, out_messages;
};

static void waiting_free(struct waiting *w)
{
	for (size_t i = 0; i < w->nfds; i++)
		(void)close(w->fds[i]);
	free(w);
}

/* The peer is lost: no more events, and `closed` is called, once. */
static void lose(struct channel *ch, const char *why)
{
	if (ch->closed)
		return;
	ch->closed = true;
	ch->open = false;
	(void)event_del(ch->readable);
	(void)event_del(ch->writable);
	(void)event_del(ch->soon);
	ch->ops->closed(ch, why, ch->arg); /* may free the channel: nothing after it */
}

/* The same from within channel_send(): told from the loop, so that the caller's state is at rest.
 */
static void lose_later(struct channel *ch, const char *why)
{
	(void)snprintf(ch->why, sizeof(ch->why), "%s", why);
	event_active(ch->writable, EV_TIMEOUT, 0);
}

static ssize_t send_datagram(int fd, const void *bytes, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (nfds > 0) {
		struct cmsghdr *c;

		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = (struct cmsghdr *)control.buf; /* CMSG_FIRSTHDR(), which cannot be NULL here */
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static bool is_full(ssize_t r)
{
	return r == -EAGAIN || r == -ENOBUFS || r == -ETOOMANYREFS;
}

static void wait_for_room(struct channel *ch, ssize_t r)
{
	const struct timeval retry = { .tv_usec = RETRY_US };

	(void)event_add(ch->writable, r == -ETOOMANYREFS ? &retry : NULL);
}

/* What waits, as far as the socket takes it. 0; -EAGAIN: not all; negative: the peer is lost. */
static int send_waiting(struct channel *ch)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&ch->waiting)) != NULL) {
		ssize_t r = send_datagram(ch->fd, w->bytes, w->len, w->fds, w->nfds);

		if (is_full(r)) {
			wait_for_room(ch, r);
			return -EAGAIN;
		}
		if (r < 0)
			return (int)r;
		STAILQ_REMOVE_HEAD(&ch->waiting, next);
		ch->n_waiting -= w->n_messages;
		ch->waiting_bytes -= w->len;
		waiting_free(w);
	}
	return 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;
	int r = 0;

	(void)fd;
	(void)what;
	if (ch->why[0] == '\0')
		r = send_waiting(ch);
	if (r == 0)
		channel_flush(ch);
	if (r < 0 && r != -EAGAIN)
		lose(ch, strerror(-r));
	else if (ch->why[0] != '\0')
		lose(ch, ch->why);
}

/* Keeps a datagram with its own copies of the descriptors. */
static int keep(struct channel *ch, const uint8_t *bytes, size_t len, size_t n_messages,
	const int *fds, size_t nfds, struct err *err)
{
	struct waiting *w;

	if (ch->n_waiting + n_messages > CHANNEL_WAITING_MAX ||
		ch->waiting_bytes + len > CHANNEL_WAITING_BYTES)
		return err_set(err, ENOBUFS, "%zu messages wait for %s", ch->n_waiting,
			role_name(ch->peer));
	w = malloc(sizeof(*w) + len);
	if (w == NULL)
		return err_set(err, ENOMEM, "message to %s", role_name(ch->peer));
	w->len = len;
	w->n_messages = n_messages;
	w->nfds = 0;
	memcpy(w->bytes, bytes, len);
	for (size_t i = 0; i < nfds; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0) {
			int r = err_set(err, errno, "message to %s", role_name(ch->peer));

			waiting_free(w);
			return r;
		}
		w->fds[w->nfds++] = fd;
	}
	STAILQ_INSERT_TAIL(&ch->waiting, w, next);
	ch->n_waiting += n_messages;
	ch->waiting_bytes += len;
	return 0;
}

/* The first `len` bytes of `out`. */
static int send_or_keep(struct channel *ch, size_t len, size_t n_messages, const int *fds,
	size_t nfds, struct err *err)
{
	ssize_t r = -EAGAIN;

	if (STAILQ_EMPTY(&ch->waiting)) {
		r = send_datagram(ch->fd, ch->out, len, fds, nfds);
		if (is_full(r))
			wait_for_room(ch, r);
	}
	if (is_full(r))
		return keep(ch, ch->out, len, n_messages, fds, nfds, err);
	if (r < 0) {
		lose_later(ch, strerror((int)-r));
		return err_set(err, (int)-r, "send to %s", role_name(ch->peer));
	}
	return 0;
}

static int send_out(struct channel *ch, struct err *err)
{
	int r = 0;

	if (ch->out_len > 0)
		r = send_or_keep(ch, ch->out_len, ch->out_messages, NULL, 0, err);
	if (r == 0) {
		ch->out_len = 0;
		ch->out_messages = 0;
		ch->due = false;
	}
	return r;
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	channel_flush(arg);
}

static void schedule_out(struct channel *ch, bool soon)
{
	const struct timeval wait = { .tv_usec = SOON_US };

	if (ch->due)
		return;
	if (soon && (event_pending(ch->soon, EV_TIMEOUT, NULL) || event_add(ch->soon, &wait) == 0))
		return;
	ch->due = true;
	event_active(ch->writable, EV_TIMEOUT, 0);
}

void channel_flush(struct channel *ch)
{
	struct err err;

	if (!ch->closed && ch->why[0] == '\0')
		(void)send_out(ch, &err); /* what was not kept stays in `out` */
}

/*
 * A message of `len` bytes stands behind the `out_len` bytes of earlier ones: it joins
 * them where it fits. One with descriptors travels by itself.
 */
static int add_to_out(
	struct channel *ch, size_t len, const int *fds, size_t nfds, bool soon, struct err *err)
{
	size_t behind = ch->out_len;

	if (behind + len > DATAGRAM_MAX || nfds > 0) {
		int r = send_out(ch, err);

		if (r < 0)
			return r;
		memmove(ch->out, ch->out + behind, len);
		if (nfds > 0)
			return send_or_keep(ch, len, 1, fds, nfds, err);
	}
	ch->out_len += len;
	ch->out_messages++;
	schedule_out(ch, soon);
	return 0;
}

static int give(struct channel *ch, const struct msg *msg, bool soon, struct err *err)
{
	uint8_t *at = ch->out + ch->out_len;
	struct packer length = packer_fixed(at, LENGTH_BYTES);
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	int r;

	if (ch->closed)
		return err_set(err, ENOTCONN, "send to %s", role_name(ch->peer));
	assert(msg_allowed(msg->type, ch->self, ch->peer));
	r = msg_encode(msg, at + LENGTH_BYTES, &len, fds, &nfds, &made, err);
	if (r < 0)
		return r;
	pack_u32(&length, (uint32_t)len);
	r = add_to_out(ch, LENGTH_BYTES + len, fds, nfds, soon, err);
	for (size_t i = 0; i < nfds; i++)
		if ((made & 1U << i) != 0)
			(void)close(fds[i]);
	return r;
}

int channel_send(struct channel *ch, const struct msg *msg, struct err *err)
{
	return give(ch, msg, false, err);
}

int channel_send_soon(struct channel *ch, const struct msg *msg, struct err *err)
{
	return give(ch, msg, true, err);
}

void channel_break(struct channel *ch, const struct err *why)
{
	if (!ch->closed && ch->why[0] == '\0' && why->code != ENOBUFS && err_is_shortage(why->code))
		lose_later(ch, why->msg);
}

/* The descriptors of a received message; false when there were more than fit (they are closed). */
static bool take_fds(struct msghdr *mh, int *fds, size_t *ret_n)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		size_t here;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < MSG_FDS_MAX)
				fds[n++] = fd;
			else
				(void)close(fd);
		}
	}
	*ret_n = n;
	return (mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static int check_hello(struct channel *ch, const struct msg *msg, struct err *err)
{
	if (msg->type != MSG_HELLO)
		return err_say(err, EPROTO, "%s came before hello", msg_name(msg->type));
	if (msg->hello.version != MSG_VERSION || msg->hello.role != (uint8_t)ch->peer)
		return err_say(err, EPROTO,
			"hello from a %s of version %u, expected a %s of version %u",
			role_name((enum role)msg->hello.role), msg->hello.version,
			role_name(ch->peer), MSG_VERSION);
	if (msg->hello.generation != ch->who.generation)
		return err_say(err, EPROTO, "%s has another configuration", role_name(ch->peer));
	return 0;
}

/* Hands one message on. Negative: the peer spoke badly. */
static int deliver(struct channel *ch, struct msg *msg, struct err *err)
{
	int r;

	if (ch->open) {
		if (msg->type == MSG_HELLO)
			return err_say(err, EPROTO, "a second hello");
		ch->ops->message(ch, msg, ch->arg);
		return 0;
	}
	r = check_hello(ch, msg, err);
	if (r < 0)
		return r;
	ch->open = true;
	if (ch->ops->open != NULL)
		ch->ops->open(ch, &msg->hello, ch->arg);
	return 0;
}

/* One message; takes over its descriptors. Negative: the peer spoke badly. */
static int take_message(struct channel *ch, const uint8_t *bytes, size_t len, int *fds, size_t nfds,
	struct err *err)
{
	struct msg msg;
	int r = msg_decode(bytes, len, fds, nfds, ch->peer, ch->self, &msg, err);

	if (r < 0)
		return r;
	r = deliver(ch, &msg, err);
	msg_done(&msg);
	return r;
}

/* All messages of a datagram: one with descriptors stands alone in it. */
static int take_datagram(struct channel *ch, size_t len, int *fds, size_t nfds, struct err *err)
{
	struct unpacker u = unpacker_of(ch->in, len);
	int r = 0;

	do {
		size_t n;
		const uint8_t *bytes = unpack_bytes(&u, MSG_BYTES_MAX, &n);

		if (bytes == NULL || (nfds > 0 && u.left > 0)) {
			close_all(fds, nfds);
			return err_say(err, EBADMSG, "a damaged datagram");
		}
		r = take_message(ch, bytes, n, fds, nfds, err);
	} while (r == 0 && u.left > 0 && !ch->closed);
	return r;
}

/* 1: a datagram was read; 0: none is there; negative: the peer is gone or spoke badly. */
static int read_one(struct channel *ch, struct err *err)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MSG_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = ch->in, .iov_len = sizeof(ch->in) };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	int fds[MSG_FDS_MAX];
	size_t nfds;
	ssize_t n;
	int r;

	do {
		n = recvmsg(ch->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		return err_set(err, errno, "receive");
	if (!take_fds(&mh, fds, &nfds)) {
		close_all(fds, nfds);
		return err_say(err, EMSGSIZE, "message is too large");
	}
	if (n == 0 && nfds == 0)
		return err_say(err, ECONNRESET, "closed by the peer");
	r = take_datagram(ch, (size_t)n, fds, nfds, err);
	return r < 0 ? r : 1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct channel *ch = arg;
	struct err err;
	int r = 1;
	int n;

	(void)fd;
	(void)what;
	for (n = 0; n < BATCH_MAX && r > 0; n++)
		r = read_one(ch, &err);
	if (n > 1 && ch->ops->batch_end != NULL)
		ch->ops->batch_end(ch, ch->arg);
	if (r < 0)
		lose(ch, err.msg);
}

static int say_hello(struct channel *ch, struct err *err)
{
	struct msg msg;

	msg_init(&msg, MSG_HELLO);
	msg.hello.version = MSG_VERSION;
	msg.hello.role = (uint8_t)ch->self;
	msg.hello.generation = ch->who.generation;
	msg.hello.instance = ch->who.instance;
	(void)snprintf(msg.hello.node, sizeof(msg.hello.node), "%s", ch->node);
	return channel_send(ch, &msg, err);
}

int channel_new(struct event_base *base, int fd_given, enum role self, enum role peer,
	const struct channel_self *who, const struct channel_ops *ops, void *arg,
	struct channel **ret, struct err *err)
{
	cleanup_close int fd = fd_given;
	struct channel *ch = calloc(1, sizeof(*ch));
	int bytes = SOCKET_BYTES;
	int r;

	if (ch == NULL)
		return err_set(err, ENOMEM, "channel to %s", role_name(peer));
	/* More room than the system's default, where it grants it: bursts need no waiting list. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	STAILQ_INIT(&ch->waiting);
	ch->fd = -EBADF;
	ch->self = self;
	ch->peer = peer;
	ch->who = *who;
	(void)snprintf(ch->node, sizeof(ch->node), "%s", who->node == NULL ? "" : who->node);
	ch->ops = ops;
	ch->arg = arg;
	ch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ch);
	ch->writable = event_new(base, fd, EV_WRITE, on_writable, ch);
	ch->soon = event_new(base, -1, 0, on_soon, ch);
	if (ch->readable == NULL || ch->writable == NULL || ch->soon == NULL ||
		event_add(ch->readable, NULL) < 0) {
		channel_free(ch);
		return err_set(err, ENOMEM, "channel to %s", role_name(peer));
	}
	ch->fd = TAKE_FD(fd);
	r = say_hello(ch, err);
	if (r < 0) {
		channel_free(ch);
		return r;
	}
	*ret = ch;
	return 0;
}

int channel_connect(struct event_base *base, const char *path, enum role self, enum role peer,
	const struct channel_self *who, const struct channel_ops *ops, void *arg,
	struct channel **ret, struct err *err)
{
	cleanup_close int fd = -EBADF;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(err, ENAMETOOLONG, "socket '%s'", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_set(err, errno, "connect to '%s'", path);
	return channel_new(base, TAKE_FD(fd), self, peer, who, ops, arg, ret, err);
}

void channel_free(struct channel *ch)
{
	struct waiting *w;

	if (ch == NULL)
		return;
	if (ch->fd >= 0)
		channel_flush(ch);
	if (ch->readable != NULL)
		event_free(ch->readable);
	if (ch->writable != NULL)
		event_free(ch->writable);
	if (ch->soon != NULL)
		event_free(ch->soon);
	while ((w = STAILQ_FIRST(&ch->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&ch->waiting, next);
		waiting_free(w);
	}
	if (ch->fd >= 0)
		(void)close(ch->fd);
	free(ch);
}

size_t channel_waiting(const struct channel *ch)
{
	return ch->n_waiting;
}

bool channel_is_open(const struct channel *ch)
{
	return ch->open;
}

int channel_peer_uid(int fd, uid_t *ret_uid, gid_t *ret_gid, struct err *err)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return err_set(err, errno, "SO_PEERCRED");
	*ret_uid = cred.uid;
	*ret_gid = cred.gid;
	return 0;
}
