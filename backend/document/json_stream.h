/* SPDX-License-Identifier: MIT */
/*
 * A JSON text with holes, read from front to back: what belongs into the holes is read
 * from its files piece by piece, so that a text of any length takes little memory.
 */
#pragma once

#include <sys/types.h>

#include "json_text.h"

struct json_stream;

/* Takes the text, which must not have failed, and leaves an empty one. -ENOMEM. */
int json_stream_open(struct json_text *t, struct json_stream **ret, struct err *err);
/* All bytes that will come. */
uint64_t json_stream_bytes(const struct json_stream *stream);
/* The next at most n > 0 bytes; 0: that was all; -errno: a file could not be read. */
ssize_t json_stream_read(struct json_stream *stream, char *buf, size_t n);
/* NULL is fine. */
void json_stream_close(struct json_stream *stream);
