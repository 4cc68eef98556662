/* SPDX-License-Identifier: MIT */
#include "json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool no_memory;

static void *noting_malloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		no_memory = true;
	return p;
}

/* Behind the quote that ends a string, `end` where there is none. */
static const char *behind_string(const char *at, const char *end)
{
	const char *quote, *c;

	for (; (quote = memchr(at, '"', (size_t)(end - at))) != NULL; at = quote + 1) {
		for (c = quote; c > at && c[-1] == '\\'; c--)
			continue;
		if ((quote - c) % 2 == 0)
			return quote + 1;
	}
	return end;
}

/* Each name and value but the first of all stands behind one of these. */
static bool has_too_many(const char *text, size_t n)
{
	const char *end = text + n;
	size_t parts = 0;

	while (text < end && parts <= JSON_READ_PARTS_MAX) {
		char c = *text++;

		if (c == '"')
			text = behind_string(text, end);
		else
			parts += c == ',' || c == ':' || c == '[' || c == '{';
	}
	return parts > JSON_READ_PARTS_MAX;
}

int json_read(const void *text, size_t n, size_t flags, json_t **ret, json_error_t *why)
{
	json_t *root;

	if (n > JSON_READ_PARTS_MAX && has_too_many(text, n)) {
		*why = (json_error_t){ .line = 1, .text = "too many values" };
		return -E2BIG;
	}
	/* What was taken before by malloc(3) itself is released all the same. */
	json_set_alloc_funcs(noting_malloc, free);
	no_memory = false;
	root = json_loadb(text == NULL ? "" : text, n, flags, why);
	/* Version 2.14 leaves characters out of a text that it found no memory for, and says
	 * nothing. */
	if (no_memory) {
		json_decref(root);
		return -ENOMEM;
	}
	if (root == NULL)
		return -EINVAL;
	*ret = root;
	return 0;
}
