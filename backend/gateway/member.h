/* SPDX-License-Identifier: MIT */
/*
 * Members of a request's JSON, each checked and read, or refused with its place:
 * "cases[3].limits.cpu_ms: 0 is below the smallest value, 1". -EINVAL is the client's
 * mistake, said in `err`; anything else is ours.
 *
 *	const struct at here = { up, "name", 0 };
 *	r = member_text(rd, &here, value, 255, &text);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

/* Where we are in the document, for messages. */
struct at {
	const struct at *up; /* NULL: the whole document */
	const char *name;    /* NULL: an element of a list */
	size_t index;
};

/* What readers of members share. */
struct reading {
	const struct config *config;
	const struct task *task; /* NULL: an image of the client's own */
	struct request *req;
	struct err *err;
};

void member_say_bad(struct err *err, const struct at *at, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* A client's mistake, with its place. A macro, so that tools see that it is always a failure. */
#define member_bad(err, at, ...) (member_say_bad((err), (at), __VA_ARGS__), -EINVAL)

/* -EINVAL: no member of this name is known here. */
int member_unknown(struct err *err, const struct at *at);
/* -EINVAL: `what` was expected ("a string"), something else is there. */
int member_expected(struct err *err, const struct at *at, const char *what, const json_t *value);
/* What a value is, for messages: "an object". */
const char *member_type(const json_t *value);

/* A string that can be an argument or a name: no NUL, at most `max` bytes. In place. */
int member_text(
	struct reading *rd, const struct at *at, const json_t *value, size_t max, const char **ret);
int member_bool(struct reading *rd, const struct at *at, const json_t *value, bool *ret);
int member_whole(struct reading *rd, const struct at *at, const json_t *value, int64_t *ret);
/* A number with at most three decimals, in thousandths. */
int member_thousandths(struct reading *rd, const struct at *at, const json_t *value, int64_t *ret);
/* An array of at most max_n strings, added to `sv`. */
int member_strv(struct reading *rd, const struct at *at, const json_t *value, size_t max_n,
	size_t max_bytes, struct strv *sv);
/* {"NAME": "value"}, added to `env` as NAME=value. */
int member_env(struct reading *rd, const struct at *at, json_t *value, struct strv *env);
/* Within the task's ceilings; what is not named is left as it is. */
int member_limits(struct reading *rd, const struct at *at, json_t *value, struct limits *ret);
/* Bytes as text, "utf8" (also where `encoding` is NULL) or "base64", into the request's input. */
int member_content(struct reading *rd, const struct at *at, const json_t *content,
	const struct at *encoding_at, const json_t *encoding, struct extent *ret);
/* A string, or {"content": ..., "encoding": ...}, into the request's input. */
int member_bytes(struct reading *rd, const struct at *at, json_t *value, struct extent *ret);
