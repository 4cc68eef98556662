/* SPDX-License-Identifier: MIT */
/*
 * Frames in and out of the agent, without ever blocking and without memory
 * that grows: reader and writer hold a few. Whoever produces asks
 * for room first and stops where there is none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "wire/frame.h"

#define FRAME_OUT_BYTES (4 * (FRAME_HEADER + FRAME_PAYLOAD_MAX))
#define FRAME_IN_BYTES  (4 * (FRAME_HEADER + FRAME_PAYLOAD_MAX))

struct frame {
	enum frame_type type;
	const uint8_t *payload; /* inside the reader, until frame_in_drop() */
	size_t len;
};

struct frame_in {
	int fd;
	bool eof;
	size_t start, end; /* of what was read and not dropped */
	uint8_t buf[FRAME_IN_BYTES];
};

struct frame_out {
	int fd;
	size_t start, end; /* of what waits in buf */
	uint8_t buf[FRAME_OUT_BYTES];
};

/* Reads what is there, as far as there is room. 0 (also when nothing is there), or -errno. */
int frame_in_fill(struct frame_in *in, struct err *err);
/* Nothing more can be read now. */
bool frame_in_full(const struct frame_in *in);
/* 1 and *ret when a whole frame is there, 0 when not, -EPROTO on a header no peer of ours sends. */
int frame_in_peek(const struct frame_in *in, struct frame *ret, struct err *err);
/* Which of the whole frames that are there, from 1, is the first of that type; 0: none. */
size_t frame_in_find(const struct frame_in *in, enum frame_type type);
/* Forgets the frame at the front, which frame_in_peek() has seen. */
void frame_in_drop(struct frame_in *in);

/* Bytes of payload that one more frame could carry now; 0 also where not even a header fits. */
size_t frame_out_room(struct frame_out *out);
/* Where that payload goes: frame_out_room() bytes, to be followed by frame_out_commit(). */
uint8_t *frame_out_payload(struct frame_out *out);
void frame_out_commit(struct frame_out *out, enum frame_type type, size_t len);
/* A whole frame. -ENOBUFS where there is no room for it. */
int frame_out_put(struct frame_out *out, enum frame_type type, const void *data, size_t len);
bool frame_out_waiting(const struct frame_out *out);
size_t frame_out_bytes(const struct frame_out *out);
/* Writes what the other end takes. 0 or -errno (-EPIPE: the driver is gone). */
int frame_out_flush(struct frame_out *out);
