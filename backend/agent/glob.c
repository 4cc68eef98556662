/* SPDX-License-Identifier: MIT */
#include "glob.h"

#include <stddef.h>
#include <string.h>

enum kind {
	LITERAL,
	ANY,
	SET,
	STAR,
	DEEP,      /* "**" */
	DEEP_IN,   /* the first half of "**" and '/': stands at the start of a component */
	DEEP_THRU, /* the second half: inside components that it swallows */
};

struct token {
	enum kind kind;
	char byte;
	bool negated;
	const char *set; /* behind '[' and the negation */
	size_t set_len;
};

/* The length of the set that starts behind '[', 0 when it is never closed. */
static size_t set_length(const char *p)
{
	const char *end = strchr(p[0] == ']' ? p + 1 : p, ']');

	return end == NULL || p[0] == '\0' ? 0 : (size_t)(end - p);
}

static const char *take_set(const char *p, struct token *token)
{
	bool negated = p[1] == '!' || p[1] == '^';
	const char *set = p + (negated ? 2 : 1);
	size_t n = set_length(set);

	if (n == 0) {
		*token = (struct token){ .kind = LITERAL, .byte = '[' };
		return p + 1;
	}
	*token = (struct token){ .kind = SET, .negated = negated, .set = set, .set_len = n };
	return set + n + 1;
}

/* Number of tokens; `tokens` has room for as many as the pattern has bytes. */
static size_t tokenize(const char *p, struct token *tokens)
{
	size_t n = 0;

	while (*p != '\0') {
		if (strncmp(p, "**/", 3) == 0) {
			tokens[n++] = (struct token){ .kind = DEEP_IN };
			tokens[n++] = (struct token){ .kind = DEEP_THRU };
			p += 3;
		} else if (p[0] == '*' && p[1] == '*') {
			tokens[n++] = (struct token){ .kind = DEEP };
			p += 2;
		} else if (p[0] == '*' || p[0] == '?') {
			tokens[n++] = (struct token){ .kind = p[0] == '*' ? STAR : ANY };
			p++;
		} else if (p[0] == '[') {
			p = take_set(p, &tokens[n++]);
		} else {
			p += p[0] == '\\' && p[1] != '\0' ? 1 : 0;
			tokens[n++] = (struct token){ .kind = LITERAL, .byte = *p++ };
		}
	}
	return n;
}

static bool in_set(const struct token *token, unsigned char c)
{
	const unsigned char *set = (const unsigned char *)token->set;
	bool found = false;

	for (size_t i = 0; i < token->set_len; i++) {
		if (i + 2 < token->set_len && set[i + 1] == '-') {
			found = found || (c >= set[i] && c <= set[i + 2]);
			i += 2;
		} else {
			found = found || c == set[i];
		}
	}
	return found != token->negated;
}

/* The places reached without a byte: stars may stand for nothing. */
static void close_over(const struct token *tokens, size_t n, bool *at)
{
	for (size_t i = 0; i < n; i++) {
		if (!at[i])
			continue;
		if (tokens[i].kind == STAR || tokens[i].kind == DEEP)
			at[i + 1] = true;
		if (tokens[i].kind == DEEP_IN)
			at[i + 1] = at[i + 2] = true;
	}
}

static void advance(const struct token *tokens, size_t n, char c, const bool *at, bool *next)
{
	memset(next, 0, (n + 1) * sizeof(*next));
	for (size_t i = 0; i < n; i++) {
		if (!at[i])
			continue;
		switch (tokens[i].kind) {
		case LITERAL:
			next[i + 1] |= tokens[i].byte == c;
			break;
		case ANY:
			next[i + 1] |= c != '/';
			break;
		case SET:
			next[i + 1] |= c != '/' && in_set(&tokens[i], (unsigned char)c);
			break;
		case STAR:
			next[i] |= c != '/';
			break;
		case DEEP:
			next[i] = true;
			break;
		case DEEP_IN:
			break;
		case DEEP_THRU:
			next[i] = true;
			next[i + 1] |= c == '/';
			break;
		}
	}
	close_over(tokens, n, next);
}

/* The places reached after `name`, and after a slash where it is a directory. */
static size_t run(const char *pattern, const char *name, bool directory, bool ret[GLOB_MAX + 1])
{
	static struct token tokens[GLOB_MAX];
	bool next[GLOB_MAX + 1];
	size_t n;

	if (strlen(pattern) > GLOB_MAX)
		return 0;
	n = tokenize(pattern, tokens);
	ret[0] = true;
	close_over(tokens, n, ret);
	for (; *name != '\0'; name++) {
		advance(tokens, n, *name, ret, next);
		memcpy(ret, next, (n + 1) * sizeof(*ret));
	}
	if (directory) {
		advance(tokens, n, '/', ret, next);
		memcpy(ret, next, (n + 1) * sizeof(*ret));
	}
	return n;
}

bool glob_match(const char *pattern, const char *name)
{
	bool at[GLOB_MAX + 1] = { false };
	size_t n = run(pattern, name, false, at);

	return n > 0 && at[n];
}

bool glob_match_below(const char *pattern, const char *directory)
{
	bool at[GLOB_MAX + 1] = { false };
	size_t n = run(pattern, directory, true, at);

	for (size_t i = 0; i < n; i++)
		if (at[i])
			return true;
	return false;
}
