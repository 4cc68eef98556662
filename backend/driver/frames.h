/* SPDX-License-Identifier: MIT */
/*
 * The agent's frames out of a stream of bytes. Output and file contents pass
 * through piece by piece as they come; all other frames are handed on whole.
 */
#pragma once

#include <event2/buffer.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "wire/frame.h"
#include "wire/pack.h"

struct frames {
	uint8_t header[FRAME_HEADER];
	size_t have;      /* bytes of the header */
	uint32_t left;    /* bytes of the payload still to come */
	uint8_t *payload; /* owned: of a frame that is handed on whole */
	size_t n;
};

struct frames_ops {
	/* A piece of STDOUT, STDERR or GOT_DATA. Non-zero ends the feeding. */
	int (*bulk)(enum frame_type type, const uint8_t *data, size_t n, void *arg);
	int (*frame)(enum frame_type type, const uint8_t *payload, size_t n, void *arg);
};

/* 0; what a callback returned; or -EPROTO, -ENOMEM with *err. */
int frames_feed(struct frames *frames, const uint8_t *data, size_t n, const struct frames_ops *ops,
	void *arg, struct err *err);
void frames_done(struct frames *frames);

/* Append a frame. -ENOMEM, or -EMSGSIZE above FRAME_PAYLOAD_MAX. */
int frames_put(struct evbuffer *out, enum frame_type type, const void *payload, size_t n);
/* The same for a payload of any size: FRAME_MORE frames go before it. */
int frames_put_long(struct evbuffer *out, enum frame_type type, const struct packer *payload);
