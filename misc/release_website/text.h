/* SPDX-License-Identifier: MIT */
/*
 * Text that knows where in its file each of its bytes stands.
 *
 * A reference may stand in a string in a script in an attribute: each layer is decoded into a text
 * of its own, and what is found in the innermost is changed in the file without encoding anything
 * again. Decoded texts are built in a text_buf, which owns them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

struct text {
	const char *s; /* not ended with NUL; not owned */
	size_t n;
	const uint32_t
		*at; /* n + 1 offsets in the file; NULL: bytes follow each other from `from` */
	uint32_t from;
};

/* The file's offset of byte i, 0 <= i <= n; i = n is the end. */
static inline uint32_t text_at(const struct text *t, size_t i)
{
	return t->at != NULL ? t->at[i] : t->from + (uint32_t)i;
}

struct text text_part(const struct text *t, size_t begin, size_t end);
/* Without blanks of HTML at both ends. */
struct text text_trim(struct text t);
bool text_is(const struct text *t, const char *s);
/* ASCII letters of both cases are the same. */
bool text_is_nocase(const struct text *t, const char *s);
bool text_ends_nocase(const struct text *t, const char *s);
bool text_has(const struct text *t, char c);

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static inline char to_lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return c;
}

/* The value of a hexadecimal digit, or -1. */
int hex_value(char c);

struct text_buf {
	char *s;
	uint32_t *at;
	size_t n, room, room_at;
};

void text_buf_done(struct text_buf *b);
#define cleanup_text_buf CLEANUP(text_buf_done)

void text_buf_put(struct text_buf *b, char c, uint32_t at);
/* A code point as UTF-8, all of it at one place. Surrogates and what is no code point: U+FFFD. */
void text_buf_put_code(struct text_buf *b, uint32_t code, uint32_t at);
/* The text so far; `end` is the file's offset of its end. Valid until the next put. */
struct text text_buf_text(struct text_buf *b, uint32_t end);

/* For a person: control characters, which would break the line or the terminal, as \x1b. */
void text_print(FILE *to, const char *s, size_t n);
