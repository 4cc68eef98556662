/* SPDX-License-Identifier: MIT */
/*
 * The Docker Engine's API: one client, many calls at a time, each with its own
 * time limit. Speaks to a unix socket or to tcp (with TLS where certificates are
 * given), negotiates the version, and tells apart who failed: the engine that
 * answered with a status, or the way to it.
 *
 *	engine_new(base, &where, &watch, arg, &engine, &err);
 *	engine_connect(engine);                  -> watch.up() or watch.down()
 *	engine_get(engine, "/info", on_info, arg);
 *
 * One thread; callbacks come from the event loop, never from within the call
 * that asks for them.
 */
#pragma once

#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define ENGINE_API_MAJOR 1
#define ENGINE_API_MINOR 51 /* the highest whose changes are known to us */
#define ENGINE_API_FLOOR 40 /* 1.40: device requests, non-recursive binds */

#define ENGINE_CALL_MS 10000
#define ENGINE_LONG_MS 60000 /* start and remove on a busy machine */

enum engine_fault {
	ENGINE_FINE,    /* a status below 400 */
	ENGINE_REFUSED, /* the engine answered with 400 or above */
	ENGINE_GARBLED, /* an answer that is no HTTP, too long, or cut short */
	ENGINE_LATE,    /* no answer in time */
	ENGINE_AWAY,    /* no connection */
};

/* Where the engine is. Read before rights are given up: files are held in memory. */
struct engine_where {
	char *unix_path;       /* owned; NULL: tcp */
	char *authority;       /* owned; host:port for tcp */
	char *ca, *cert, *key; /* owned PEM text; NULL: no TLS */
	size_t ca_len, cert_len, key_len;
	bool tls, verify;
	int api_minor; /* asked for by DOCKER_API_VERSION; 0: negotiate */
};

struct engine_reply {
	enum engine_fault fault;
	int status;       /* HTTP's, 0 where none came */
	const char *body; /* NUL after it; "" where there is none */
	size_t len;
	char why[400]; /* for a person: the engine's message, or what broke */
};

/* How far a call got that was not ENGINE_FINE. */
enum engine_tried {
	ENGINE_TRIED,
	ENGINE_UNANSWERED, /* the engine said nothing, so that nobody knows */
	ENGINE_CANNOT /* it said that what it runs containers with is away: nothing was tried. So
			 it does for some seconds when its containerd has died */
};

enum engine_tried engine_tried(const struct engine_reply *reply);

typedef void (*engine_done_fn)(const struct engine_reply *reply, void *arg);

struct engine_request {
	const char *method; /* GET, POST, PUT, DELETE */
	const char *path;   /* "/containers/create?name=x", without the version */
	const void *body;   /* copied; NULL: none */
	size_t body_len;
	const char *content_type; /* NULL: application/json */
	long timeout_ms;          /* 0: ENGINE_CALL_MS */
	size_t reply_max;         /* 0: 4 MiB */
};

struct engine_watch {
	/* It answers and the version is agreed. Also after each reconnect. */
	void (*up)(void *arg);
	/* It was up, or this was the first try, and cannot be reached. Retries go on behind. */
	void (*down)(const char *why, void *arg);
};

struct engine;

/* From DOCKER_HOST's form: unix:///path, tcp://host:port. NULL: environment, then the default. */
int engine_where_parse(const char *host, struct engine_where *ret, struct err *err);
void engine_where_done(struct engine_where *where);

/* Takes over `where`. */
int engine_new(struct event_base *base, struct engine_where *where,
	const struct engine_watch *watch, void *arg, struct engine **ret, struct err *err);
/* Calls and dials under way end without their callbacks. */
void engine_free(struct engine *engine);

/* Begin to ping; from now on `watch` hears of every change. */
void engine_connect(struct engine *engine);
bool engine_is_up(const struct engine *engine);
/* The agreed version's second part; 0 before the first agreement. */
int engine_api_minor(const struct engine *engine);
/* A connection of someone's broke: look now whether the engine is there. */
void engine_suspect(struct engine *engine);

/* `done` is called exactly once unless the engine is freed. Only -ENOMEM fails. */
int engine_call(struct engine *engine, const struct engine_request *request, engine_done_fn done,
	void *arg, struct err *err);

struct engine_counts;
/* Of all calls since the start (engine_count.h). */
const struct engine_counts *engine_counts(const struct engine *engine);

/* The JSON of a good reply; NULL with `why` filled in (struct engine_reply's) where it is none. */
json_t *engine_json(const struct engine_reply *reply, json_type type, struct err *err);

/* The engine's own words, {"message": "..."}, and the status. */
void engine_message(const struct engine_reply *reply, char *ret, size_t size);
/* The highest version both sides know, out of /version; `most`: ours. */
int engine_agree(const char *body, size_t len, int most, int *ret_minor, struct err *err);

/* A bare connection for a hijacked stream. */
struct engine_line;
typedef void (*engine_dial_fn)(struct engine_line *line, int fd, const char *why, void *arg);
/* `done` gets a connected line (fd to wait on), or NULL with the reason. */
int engine_dial(struct engine *engine, engine_dial_fn done, void *arg, struct engine_line **ret,
	struct err *err);
/* As read(2) and write(2): -errno, -EAGAIN where nothing can be done now. */
ssize_t engine_line_read(struct engine_line *line, void *buf, size_t n);
ssize_t engine_line_write(struct engine_line *line, const void *buf, size_t n);
/* Nothing more is written: who is at the other end sees that, and ends; what it says is still read.
 */
void engine_line_end(struct engine_line *line);
/* Also before the dial has ended: its callback will not come. */
void engine_hangup(struct engine_line *line);
/* "/v1.41" or "". */
const char *engine_prefix(const struct engine *engine);
/* For the Host header. */
const char *engine_host(const struct engine *engine);
