/* SPDX-License-Identifier: MIT */
#include "xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
	(void)fputs("release_website: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

void *xalloc(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *xgrow(void *p, size_t *room, size_t n, size_t size)
{
	size_t want = *room;

	if (p != NULL && n <= want)
		return p;
	while (want < n || want == 0) {
		if (want > SIZE_MAX / 4)
			out_of_memory();
		want = want < 16 ? 16 : want + want / 2;
	}
	p = reallocarray(p, want, size);
	if (p == NULL)
		out_of_memory();
	*room = want;
	return p;
}

char *xdup(const char *s, size_t n)
{
	char *copy = xalloc(n + 1);

	memcpy(copy, s, n);
	return copy;
}

char *xprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return text;
}
