/* SPDX-License-Identifier: MIT */
/*
 * Who asks, and what he may see: decided here and nowhere else.
 *
 *	struct caller who;
 *
 *	if (!CALLER_OF(q, gate, &msg->job_get, false, &who))
 *		return;                                 answered: 401
 *	if (!caller_may(&who, job->client->client.name))
 *		refuse with REFUSAL_NOT_FOUND;          as if there were no such job
 *
 * A job belongs to the client that made it. An operator may see and cancel all: a client that
 * is one, or whoever comes over the unix socket as root or as one of the operators' group. A
 * token goes over that: who brings one is its client. Where no client is known, all who come
 * are one and the same, without a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct client_state;
struct queue;

/* A value; stays good while the process lives. */
struct caller {
	struct client_state *client; /* never NULL; the nameless one: nobody, or an operator */
	uint32_t serial;             /* of the client: it counts its revocations */
	bool is_operator;
};

/* `classic`: by the classic face, which knows no tokens and runs as the client of that name.
 * False: answered with REFUSAL_UNAUTHORIZED. */
bool caller_of(struct queue *q, uint64_t gate, uint64_t token, bool is_operator, const char *bearer,
	bool classic, struct caller *ret);
/* Of a message that has MSG_CALLER's fields. */
#define CALLER_OF(q, gate, ask, classic, ret)                                            \
	caller_of((q), (gate), (ask)->token, (ask)->caller_operator != 0, (ask)->bearer, \
		(classic), (ret))

/* Is he still let in? No more, where his token was revoked while he waited. */
bool caller_is_good(const struct caller *caller);
/* May he see and cancel jobs of the client of that name? */
bool caller_may(const struct caller *caller, const char *owner);
/* For the record of who did what: a client's name, "(operator)" or "(anyone)". */
const char *caller_name(const struct caller *caller);
