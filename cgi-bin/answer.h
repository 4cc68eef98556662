/* SPDX-License-Identifier: MIT */
/*
 * The gateway's answer, read as it comes and turned into a CGI program's: a Status line, the
 * headers that are meant for the client, the body without its chunks.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "text.h"

#define ANSWER_HEAD_MAX 16384
/* More than a head becomes by being translated. */
#define ANSWER_GROWS_MAX (ANSWER_HEAD_MAX * 2)

enum answer_state {
	ANSWER_HEAD,
	ANSWER_LENGTH,     /* `left` bytes of body */
	ANSWER_TO_EOF,     /* body up to the end of the connection */
	ANSWER_CHUNK_SIZE, /* in front of, or within, a chunk's size */
	ANSWER_CHUNK_LINE, /* behind it, up to the line's end */
	ANSWER_CHUNK,      /* `left` bytes of a chunk */
	ANSWER_CHUNK_END,  /* its line end */
	ANSWER_TRAILER,    /* behind the last chunk */
	ANSWER_ENDED,
};

struct answer {
	enum answer_state state;
	bool head_only; /* of a HEAD: no body follows, whatever the head says */
	const struct text *prefix;
	uint64_t left;
	unsigned digits; /* of a chunk's size, seen so far */
	size_t line;     /* bytes of a trailer's line, seen so far */
	unsigned status; /* 0: not known yet */
	bool has_length, chunked;
	size_t head_len;
	char head[ANSWER_HEAD_MAX];
};

/* `prefix` must stay: see address_prefix(). */
void answer_init(struct answer *a, bool head_only, const struct text *prefix);

/* Takes n bytes that came and adds to `out`, which must have room for n + ANSWER_GROWS_MAX. */
int answer_feed(struct answer *a, const char *data, size_t n, struct text *out, struct err *err);

/* The connection has ended. -ECONNRESET: the answer has not. */
int answer_eof(struct answer *a, struct err *err);
