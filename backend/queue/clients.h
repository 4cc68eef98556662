/* SPDX-License-Identifier: MIT */
/*
 * The clients, with what each has of the queue now. Whoever has made a job is in this
 * table as long as the process lives: a client that was revoked, too, and the one without a
 * name, who is everybody where no clients are known.
 *
 *	struct client_state *client = clients_get(&clients, row->client);
 *	client->waiting++;
 *
 * jobs.c counts `waiting` and `running`; admission reads them, with client.weight and
 * client.max_running. Pointers stay good until clients_done().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "common/client.h"
#include "common/config.h"
#include "common/hash.h"
#include "fair.h"

struct client_state {
	struct client client; /* of one that is not known any more: without bounds */
	bool known;           /* its token is taken */
	uint32_t serial;      /* how often it was revoked or changed */
	bool configured;      /* by the configuration; else by the store */
	bool listed;          /* the store has it, as of the last look */
	int64_t made_unix_ms; /* 0: by the configuration */
	uint32_t waiting;     /* its jobs that wait */
	uint32_t running;     /* its jobs that run, on whichever machine */
	uint32_t submitting;  /* its jobs on their way into the store */
	struct bucket bucket; /* of its submits on this machine */
	uint64_t kept_jobs;   /* its ended jobs that are kept (kept.h) */
	uint64_t kept_bytes;
	int64_t kept_since_age_ms; /* when the oldest one ended; INT64_MIN: not known */
	int64_t last_unix_ms;      /* its last request to this machine, 0: none yet */
	struct fair_client fair;
	UT_hash_handle by_name; /* all of them */
	UT_hash_handle by_hash; /* known ones, by token_hash */
};

struct clients {
	struct client_state *by_name; /* hash; owns them */
	struct client_state *by_hash; /* hash */
	struct client_state *nameless;
	size_t n_known;
	bool needed; /* without a token nobody is let in */
};

/* With those of the configuration whose token's hash it has; the others: clients_put(). */
int clients_init(struct clients *clients, const struct config *config, struct err *err);
void clients_done(struct clients *clients);

/* The one of that name, made where there is none yet. NULL: no memory. */
struct client_state *clients_get(struct clients *clients, const char *name);
/* NULL where there is none. */
struct client_state *clients_find(const struct clients *clients, const char *name);
/* The one whose token that is; NULL: nobody's. */
struct client_state *clients_by_token(const struct clients *clients, const char *token);

struct client_state *clients_by_hash(
	const struct clients *clients, const uint8_t hash[static CLIENT_HASH_BYTES]);

/* It is known from now on, or known with other bounds. now_ms: of a clock that only goes on.
 * NULL: no memory. */
struct client_state *clients_put(
	struct clients *clients, const struct client *client, bool configured, int64_t now_ms);
/* Its token is not taken any more. What it has in the queue stays. */
void clients_revoke(struct clients *clients, struct client_state *client);
