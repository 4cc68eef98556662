/* SPDX-License-Identifier: MIT */
#include "event_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_BYTES_MAX (256U * 1024 * 1024)

static int add(char **buf, size_t *n, size_t *cap, const char *bytes, size_t more)
{
	if (more > EVENT_BYTES_MAX - *n)
		return EPROTO;
	if (*n + more + 1 > *cap) {
		size_t grown = 2 * (*n + more + 1);
		char *larger = realloc(*buf, grown);

		if (larger == NULL)
			return ENOMEM;
		*buf = larger;
		*cap = grown;
	}
	if (more > 0)
		memcpy(*buf + *n, bytes, more);
	*n += more;
	(*buf)[*n] = '\0';
	return 0;
}

/* An empty line: the event is whole. */
static int end_event(struct event_stream *s)
{
	int r = 0;

	if (s->data_n > 0) {
		s->data[s->data_n - 1] = '\0';
		r = s->event(s->arg, s->name, s->data, s->data_n - 1); /* without its line end */
		if (r == 0 && s->id[0] != '\0')
			memcpy(s->last, s->id, sizeof(s->last));
	}
	s->data_n = 0;
	s->name[0] = s->id[0] = '\0';
	return r;
}

static int copy(char *to, size_t size, const char *text)
{
	int n = snprintf(to, size, "%s", text);

	return n < 0 || (size_t)n >= size ? EPROTO : 0;
}

static int end_line(struct event_stream *s)
{
	char *value;
	int r;

	if (s->line_n > 0 && s->line[s->line_n - 1] == '\r')
		s->line[--s->line_n] = '\0';
	if (s->line_n == 0)
		return end_event(s);
	value = strchr(s->line, ':');
	if (value == s->line || value == NULL)
		return 0; /* a comment, or a field without a value */
	*value++ = '\0';
	value += *value == ' ';
	if (strcmp(s->line, "id") == 0)
		return copy(s->id, sizeof(s->id), value);
	if (strcmp(s->line, "event") == 0)
		return copy(s->name, sizeof(s->name), value);
	if (strcmp(s->line, "data") != 0)
		return 0;
	r = add(&s->data, &s->data_n, &s->data_cap, value, strlen(value));
	return r != 0 ? r : add(&s->data, &s->data_n, &s->data_cap, "\n", 1);
}

int event_stream_feed(struct event_stream *s, const char *bytes, size_t n)
{
	int r = 0;

	while (r == 0 && n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end == NULL ? n : (size_t)(end - bytes);

		r = add(&s->line, &s->line_n, &s->line_cap, bytes, part);
		if (r == 0 && end != NULL) {
			r = end_line(s);
			s->line_n = 0;
			part++;
		}
		bytes += part;
		n -= part;
	}
	return r;
}

void event_stream_again(struct event_stream *s)
{
	s->line_n = s->data_n = 0;
	s->name[0] = s->id[0] = '\0';
}

void event_stream_done(struct event_stream *s)
{
	free(s->line);
	free(s->data);
	s->line = s->data = NULL;
}
