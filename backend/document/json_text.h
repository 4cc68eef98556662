/* SPDX-License-Identifier: MIT */
/*
 * JSON written from front to back into one growing buffer.
 *
 *	jt_open(&t, '{');
 *	jt_key(&t, "id");
 *	jt_str(&t, id);
 *	jt_close(&t, '}');
 *
 * Commas come by themselves. What does not fit into memory sets `failed`, and all
 * later calls do nothing: look once, at the end.
 *
 * Content that is long and in a file is left out, as a hole; json_stream.h fills it in
 * while the text is sent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/blob.h"

#define JSON_FILES_MAX 2 /* stdout and stderr of a job */

struct json_hole {
	size_t at;            /* of the text, where it belongs */
	unsigned file;        /* index of its file */
	uint64_t offset, len; /* of the file */
	uint64_t chars;       /* of the text */
	bool utf8;            /* else base64 */
};

struct json_text {
	char *buf; /* owned */
	size_t len, cap;
	bool comma; /* before the next key or value */
	bool failed;
	struct json_hole *holes; /* owned, in their order */
	size_t n_holes;
	struct json_file {
		struct blob blob; /* owned, a descriptor of its own */
		int from;         /* the descriptor that it was made of */
	} files[JSON_FILES_MAX];
	unsigned n_files;
};

void jt_done(struct json_text *t);
#define cleanup_json __attribute__((__cleanup__(jt_done)))

void jt_open(struct json_text *t, char bracket);  /* '{' or '[' */
void jt_close(struct json_text *t, char bracket); /* '}' or ']' */
/* A member's name: plain letters, digits, '_'. */
void jt_key(struct json_text *t, const char *name);

/* A member's name from outside: any UTF-8. */
void jt_member(struct json_text *t, const char *name);

/* `n` bytes of UTF-8; what is not UTF-8 comes as U+FFFD. */
void jt_strn(struct json_text *t, const char *text, size_t n);
void jt_str(struct json_text *t, const char *text);
/* A string, or null for NULL. */
void jt_str_or_null(struct json_text *t, const char *text);
void jt_int(struct json_text *t, int64_t value);
void jt_uint(struct json_text *t, uint64_t value);
/* value / 1000 as a decimal number, without trailing zeros: 1500 is 1.5. */
void jt_thousandths(struct json_text *t, int64_t value);
void jt_bool(struct json_text *t, bool value);
void jt_null(struct json_text *t);
/* RFC 3339, null for 0. */
void jt_time(struct json_text *t, int64_t unix_ms);
/* A value that is JSON already. */
void jt_value(struct json_text *t, const char *json, size_t n);

/*
 * Members `content` and `encoding` of the open object, from `len` bytes of the
 * blob at `offset`: "utf8" where they are UTF-8, else "base64". Read in pieces, of
 * at most JSON_FILES_MAX files.
 */
int jt_content(struct json_text *t, const struct blob *blob, uint64_t offset, uint64_t len,
	struct err *err);

/* The next piece of a hole, added to `to`; *done counts the bytes of its file. */
int jt_hole_piece(const struct json_text *t, const struct json_hole *hole, uint64_t *done,
	struct json_text *to, struct err *err);

/* Bytes as they are; also for text that is not JSON. */
void jt_raw(struct json_text *t, const char *bytes, size_t n);
/* Characters of a string, escaped, without its quotes. */
void jt_escaped(struct json_text *t, const char *bytes, size_t n);
