/* SPDX-License-Identifier: MIT */
/*
 * The hijacked stream of one container: its stdin and stdout as bytes.
 *
 *	attach_open(engine, base, id, &ops, arg, &attach, &err);
 *	...ops.open()...
 *	evbuffer_add(attach_output(attach), frames, n); attach_flush(attach, false);
 *
 * Writing is batched: what stands in the output goes out in as few calls as
 * the socket takes. Callbacks may call attach_close(); none comes after it.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "engine.h"

#define ATTACH_LOW_WATER                                                        \
	(128 * 1024) /* `drained` comes when less than this waits to be written \
		      */

/*
 * The engine's framing of the two outputs: 8 bytes {type, 0, 0, 0, length
 * big-endian}, then the bytes. Feed it pieces of any size.
 */
enum demux_type { DEMUX_STDIN, DEMUX_STDOUT, DEMUX_STDERR, DEMUX_ENGINE };

struct demux {
	uint8_t header[8];
	size_t have;   /* bytes of the header */
	uint32_t left; /* bytes of the piece still to come */
};

/* Non-zero from the callback ends the feeding; demux_feed() returns it. -EPROTO: an unknown type.
 */
typedef int (*demux_fn)(enum demux_type type, const uint8_t *data, size_t n, void *arg);
int demux_feed(struct demux *demux, const uint8_t *data, size_t n, demux_fn fn, void *arg);

struct attach_ops {
	void (*open)(void *arg);
	/* Bytes of the container's stdout. */
	void (*data)(const uint8_t *data, size_t n, void *arg);
	/* Little is left to be written: more may be given. */
	void (*drained)(void *arg);
	/* The stream has ended, or never came to be. */
	void (*closed)(const char *why, void *arg);
};

struct attach;

int attach_open(struct engine *engine, struct event_base *base, const char *container,
	const struct attach_ops *ops, void *arg, struct attach **ret, struct err *err);
/* NULL is fine. */
void attach_close(struct attach *attach);

struct evbuffer *attach_output(struct attach *attach);
size_t attach_waiting(const struct attach *attach);
/*
 * Write now what the socket takes; the rest as it drains. more: there is more to
 * give, `drained` says when; it comes from the loop even if all was taken at once.
 */
void attach_flush(struct attach *attach, bool more);
/* Stop and go on reading. */
void attach_pause(struct attach *attach, bool pause);
