/* SPDX-License-Identifier: MIT */
#include "json_where.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16

struct level {
	bool list;
	unsigned index;
	const char *key; /* behind its first quote */
	size_t key_n;
};

/* Behind the string that begins at i (its first quote). */
static size_t skip_string(const char *text, size_t n, size_t i)
{
	for (i++; i < n && text[i] != '"'; i++) {
		if (text[i] == '\\')
			i++;
	}
	return i + 1;
}

static bool is_key(const char *text, size_t n, size_t after)
{
	while (after < n && isspace((unsigned char)text[after]))
		after++;
	return after < n && text[after] == ':';
}

static void write_path(const struct level *levels, size_t depth, char ret[static JSON_WHERE_MAX])
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < depth && i < DEPTH_MAX && len < JSON_WHERE_MAX; i++) {
		const struct level *level = &levels[i];
		int r = 0;

		if (level->list)
			r = snprintf(ret + len, JSON_WHERE_MAX - len, "[%u]", level->index);
		else if (level->key != NULL)
			r = snprintf(ret + len, JSON_WHERE_MAX - len, "%s%.*s", len > 0 ? "." : "",
				(int)(level->key_n > 64 ? 64 : level->key_n), level->key);
		len += r > 0 ? (size_t)r : 0;
	}
}

void json_where(const char *text, size_t n, size_t offset, char ret[static JSON_WHERE_MAX])
{
	struct level levels[DEPTH_MAX] = { 0 };
	size_t depth = 0;
	size_t i = 0;

	/* A parser stops behind what it does not like: a bracket that it has just read changes
	 * nothing. */
	while (i < n && i < offset) {
		struct level *top = depth > 0 && depth <= DEPTH_MAX ? &levels[depth - 1] : NULL;
		char c = text[i];
		size_t from = i;

		i = c == '"' ? skip_string(text, n, i) : i + 1;
		if (c == '"' && top != NULL && !top->list && is_key(text, n, i)) {
			top->key = text + from + 1;
			top->key_n = i - from - 2;
		} else if ((c == '{' || c == '[') && i < offset) {
			if (depth++ < DEPTH_MAX)
				levels[depth - 1] = (struct level){ .list = c == '[' };
		} else if ((c == '}' || c == ']') && depth > 0 && i < offset) {
			depth--;
		} else if (c == ',' && top != NULL && i < offset) {
			top->index += top->list;
			top->key = NULL;
		}
	}
	write_path(levels, depth, ret);
}
