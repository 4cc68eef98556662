/* SPDX-License-Identifier: MIT */
/*
 * Server-Sent Events, out of bytes as they come.
 *
 *	struct event_stream stream = { .event = on_event, .arg = arg };
 *	r = event_stream_feed(&stream, data, n);
 *	event_stream_done(&stream);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define EVENT_ID_MAX   200
#define EVENT_NAME_MAX 40

struct event_stream {
	/* One event; `data` has a NUL after its n bytes. 0, or an errno: no more is wanted. */
	int (*event)(void *arg, const char *name, const char *data, size_t n);
	void *arg;
	char last[EVENT_ID_MAX + 1]; /* the id of the last event that was taken, "" for none */

	char id[EVENT_ID_MAX + 1];
	char name[EVENT_NAME_MAX + 1];
	char *line, *data; /* owned */
	size_t line_n, line_cap, data_n, data_cap;
};

/* 0, the errno of `event`, ENOMEM, or EPROTO: what came is no such stream. */
int event_stream_feed(struct event_stream *stream, const char *bytes, size_t n);
/* What was begun is forgotten, `last` stays: another answer follows. */
void event_stream_again(struct event_stream *stream);
void event_stream_done(struct event_stream *stream);
