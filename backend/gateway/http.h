/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: libmicrohttpd's parsers inside our libevent loop, one thread. Keeps
 * the deadlines that libmicrohttpd does not know (a head, a body, however slowly it
 * drips) and puts connections to sleep while the queue is asked.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "exchange.h"

struct http;

int http_new(struct event_base *base, struct gateway *gw, struct http **ret, struct err *err);
/* Takes the listening socket. `unix_socket`: its clients may be operators, and any Host will do. */
int http_listen(struct http *http, int fd, bool unix_socket, struct err *err);
/* Writes what has been answered. To be called after a batch of answers from the queue. */
void http_run(struct http *http);
/* No new connections. */
void http_quiesce(struct http *http);
/* Requests that are not answered yet. */
size_t http_busy(const struct http *http);
size_t http_connections(const struct http *http);
/* Ends what waits with 503. */
void http_release_waiting(struct http *http);
/* All exchanges must be answered or gone by then. NULL is fine. */
void http_free(struct http *http);

/* For events.c: until http_resume(), which it does by itself, with ex->gone, where the client
 * leaves. */
void http_sleep(struct exchange *ex);
/* For exchange.c: wakes the connection, if it sleeps, to give its answer. */
void http_resume(struct exchange *ex);
