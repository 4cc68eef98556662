/* SPDX-License-Identifier: MIT */
/* A text that grows within bounds; what does not fit is told once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	char *buf; /* the owner's, of `cap` bytes; no NUL behind it */
	size_t len, cap;
	bool overflow; /* something was left out */
};

static inline void text_add(struct text *t, const char *s, size_t n)
{
	if (n > t->cap - t->len) {
		t->overflow = true;
		return;
	}
	memcpy(t->buf + t->len, s, n);
	t->len += n;
}

static inline void text_put(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}
