/* SPDX-License-Identifier: MIT */
/*
 * One connection between two roles: messages of the catalogue over a
 * SOCK_SEQPACKET socket, in a libevent loop.
 *
 *	ch = channel_new(base, fd, ROLE_QUEUE, ROLE_DRIVER, &ops, arg, &err);
 *	channel_send(ch, &msg, &err);
 *
 * All messages of one turn of the loop travel together, as many as fit into a datagram,
 * at the turn's end or with channel_flush(). Sending never blocks: what the socket does
 * not take waits in memory, at most
 * CHANNEL_WAITING_MAX messages or CHANNEL_WAITING_BYTES; beyond, -ENOBUFS, and it
 * is the sender's turn to hold back. The first message of each side is HELLO,
 * sent by channel_new() and checked before anything else is passed on.
 * A message that does not pass its check closes the channel.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "msg.h"

#define CHANNEL_WAITING_MAX   20000
#define CHANNEL_WAITING_BYTES (256U * 1024 * 1024)

struct channel;

struct channel_ops {
	/* The peer's HELLO has passed. May be NULL. */
	void (*open)(struct channel *ch, const struct msg_hello *hello, void *arg);
	/* One message; blobs taken out of it are the callee's, the rest is released after. */
	void (*message)(struct channel *ch, struct msg *msg, void *arg);
	/* No more messages were there to read: the end of a batch. May be NULL. */
	void (*batch_end)(struct channel *ch, void *arg);
	/* The peer is gone or spoke badly (why). The callee calls channel_free(), now or later. */
	void (*closed)(struct channel *ch, const char *why, void *arg);
};

/* What this process says of itself in HELLO. */
struct channel_self {
	uint64_t generation; /* of the configuration */
	uint64_t instance;   /* of the process */
	const char *node;
};

/* Takes fd. `self`: this role; `peer`: the only role that may be at the other end. */
int channel_new(struct event_base *base, int fd, enum role self, enum role peer,
	const struct channel_self *who, const struct channel_ops *ops, void *arg,
	struct channel **ret, struct err *err);

/* Connects to the seqpacket socket at `path` first. -ECONNREFUSED, -ENOENT: the queue is not there.
 */
int channel_connect(struct event_base *base, const char *path, enum role self, enum role peer,
	const struct channel_self *who, const struct channel_ops *ops, void *arg,
	struct channel **ret, struct err *err);

/*
 * What was given to channel_send() is sent as far as the socket takes it. Never from within
 * its own `message` or `batch_end`. NULL is fine.
 */
void channel_free(struct channel *ch);

/* The message stays the caller's; its blobs' descriptors are duplicated by the kernel. */
int channel_send(struct channel *ch, const struct msg *msg, struct err *err);

/* The same for what is not urgent: it waits some milliseconds for another message to go with. */
int channel_send_soon(struct channel *ch, const struct msg *msg, struct err *err);
/*
 * After a message that the peer waits for could not be sent: where memory or descriptors were short
 * (`why`), the peer is lost, as `closed` says from the loop, so that both sides begin anew with
 * what they know. What no other connection mends, or passes by itself, changes nothing.
 */
void channel_break(struct channel *ch, const struct err *why);
/* Sends what was given to channel_send(), now and not at the end of the loop's turn. */
void channel_flush(struct channel *ch);

/* Messages that wait for room in the socket. */
size_t channel_waiting(const struct channel *ch);
/* True once the peer's HELLO has passed and until it closed. */
bool channel_is_open(const struct channel *ch);

/* The peer's user by SO_PEERCRED; -errno. */
int channel_peer_uid(int fd, uid_t *ret_uid, gid_t *ret_gid, struct err *err);
