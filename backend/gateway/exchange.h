/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request and its answer, from the request line to the last byte: what route
 * handlers are given. A handler either answers at once (exchange_answer...) or asks the
 * queue (exchange_ask) and answers when the reply comes; the connection sleeps meanwhile.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "document/json_text.h"
#include "problem.h"
#include "route.h"
#include "upstream.h"

/* What an answer may load, do and be part of where a browser shows it: nothing. */
#define EXCHANGE_POLICY "default-src 'none'; frame-ancestors 'none'"

#define EXCHANGE_STOPPING "the service is being stopped"

struct conn;
struct crowd_member;
struct feeds;
struct reader;
struct upload;

/* What handlers share: made by gateway.c. */
struct gateway {
	const struct config *config;
	struct upstream *upstream;
	struct http *http;
	struct json_text tasks;    /* the document of /v1/tasks, which never changes */
	uint64_t body_bytes;       /* of request bodies in memory now */
	uint64_t upload_bytes;     /* of uploads in spool files now, until they are jobs */
	uint64_t answer_bytes;     /* of answers in memory now */
	bool draining;             /* nothing is asked any more */
	int64_t refused_logged_us; /* when one without a good token was, 0: never */
	uint64_t refused_unsaid;   /* such ones since then */
	struct metrics *metrics;
	struct feeds *feeds; /* jobs whose events somebody reads */
};

enum body_kind {
	BODY_IGNORE, /* read and thrown away */
	BODY_MEMORY, /* kept in `body` */
	BODY_UPLOAD, /* fed to `upload`, piece by piece */
};

enum exchange_phase {
	EXCHANGE_HEAD,       /* the head is not complete */
	EXCHANGE_HEAD_AGAIN, /* the queue was asked before the body: the head is handed in once more
			      */
	EXCHANGE_BODY,
	EXCHANGE_ANSWER, /* the handler has been called */
};

struct exchange;
/* `msg`: of the type that was asked for; blobs may be taken out of it. */
typedef void exchange_reply(struct exchange *ex, struct msg *msg);

struct exchange {
	struct gateway *gw;
	struct conn *conn; /* owned by the connection */
	struct MHD_Connection *con;
	struct crowd_member *from; /* the connection's; NULL: from nowhere that is counted */
	enum exchange_phase phase;
	enum method method;
	bool head_only;     /* HEAD */
	bool classic;       /* errors are one plain line */
	bool is_operator;   /* by the peer's credentials */
	char *uri;          /* owned; as it came */
	char *path, *query; /* inside uri; without the '?', query NULL where there was none */
	const char *prefix; /* "" or "/executor": what Location begins with */
	const struct route *route;      /* NULL: the classic face, or refused */
	char *id, *file;                /* owned; the route's parts, decoded */
	const char *function;           /* inside uri; of the classic face, NULL: none */
	char *params[ROUTE_PARAMS_MAX]; /* owned; in the order of the route's, NULL: not given */
	int64_t wait_ms;
	bool wait_preferred; /* it came as Prefer: wait=N */

	enum body_kind body_kind;
	uint64_t body_max, body_seen;
	uint8_t *body; /* owned; NUL after it; of an upload the part `job` */
	size_t body_len, body_cap;
	struct upload *upload; /* owned */
	uint8_t signal;        /* that the job is being sent, 0: none */
	struct reader *reader; /* of a job's events (events.c); the response's */

	uint64_t token; /* of the question that waits, 0: none */
	enum msg_type expects;
	exchange_reply *reply;
	/* Where set: true when it has answered the refusal itself. */
	bool (*refused)(struct exchange *ex, const struct msg_refused *refused);
	bool suspended, watched;
	bool early; /* answered in front of its body */
	bool past;  /* answered past the parser; what still comes is thrown away */
	bool gone;  /* the client has left, or must be cut off */

	unsigned status;               /* 0: no answer yet */
	uint64_t answer_bytes;         /* counted in the gateway's */
	const char *policy;            /* of its content; stays for ever; NULL: EXCHANGE_POLICY */
	struct MHD_Response *response; /* owned */
};

/* The value of a header, or NULL. */
const char *exchange_header(const struct exchange *ex, const char *name);

/* Is that the type of the body, whatever parameters follow? */
bool exchange_has_type(const struct exchange *ex, const char *type);

/* Takes the text over, and adds a line end. */
void exchange_answer_json(struct exchange *ex, unsigned status, struct json_text *t);
/* `body` must stay for ever. */
void exchange_answer_static(
	struct exchange *ex, unsigned status, const char *type, const char *body, size_t n);
/* Takes `body` (from malloc) over. 503 in its place where all answers together hold too much. */
void exchange_answer_bytes(
	struct exchange *ex, unsigned status, const char *type, void *body, size_t n);
/*
 * Counts n bytes that this exchange holds in memory until its client has read them; they are given
 * back with it. False: all answers together hold too much (small ones have room in any case).
 */
bool exchange_hold(struct exchange *ex, size_t n);
/* 503, for want of that room. */
void exchange_no_room(struct exchange *ex);
/* Takes the response over. */
void exchange_answer(struct exchange *ex, unsigned status, struct MHD_Response *response);
/* A header for an answer that has been given. */
void exchange_add_header(struct exchange *ex, const char *name, const char *value);

void exchange_problem(struct exchange *ex, enum problem problem, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
/* 503 with Retry-After. */
void exchange_unavailable(struct exchange *ex, unsigned retry_after_s, const char *detail);

/*
 * Asks the queue; `reply` is called only with a message of type `expects`: a queue that
 * is away is answered here, and a refusal unless ex->refused does. Fills in token and
 * caller. Answers by itself where it cannot ask.
 */
void exchange_ask(
	struct exchange *ex, struct msg *msg, enum msg_type expects, exchange_reply *reply);

/*
 * Who asks: the connection's rights and the request's token, "" for none. False: the token
 * is too long to be one.
 */
bool exchange_caller(const struct exchange *ex, uint8_t *ret_operator, char ret_bearer[static 257]);

/* What a refusal of the queue means to the client. */
void exchange_refused(struct exchange *ex, const struct msg_refused *refused);

/* A query parameter of the route, decoded; NULL: not given. */
const char *exchange_param(const struct exchange *ex, const char *name);
