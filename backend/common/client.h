/* SPDX-License-Identifier: MIT */
/*
 * Clients: whom the service knows by a token, and what each may take. They come from the
 * configuration and, at run time, from the store.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define CLIENT_NAME_MAX    64 /* as a task's name */
#define CLIENT_TASKS_MAX   1000
#define CLIENT_HASH_BYTES  32
#define CLIENT_WEIGHT_MAX  1000
#define CLIENT_JOBS_MAX    10000000
#define CLIENT_RATE_MAX    INT64_C(1000000000) /* thousandths */
#define CLIENT_BURST_MAX   1000000
#define CLIENT_TOKEN_CHARS 67 /* "dg_" and 64 hexadecimal digits */

/* A value: copied, never released. */
struct client {
	char name[CLIENT_NAME_MAX + 1];
	uint8_t token_hash[CLIENT_HASH_BYTES]; /* SHA-256 of the whole token */
	int weight;                            /* of its fair share, 1 at least */
	int max_running;                       /* its jobs that run at one time; 0: no bound */
	int max_queued;                        /* its jobs that wait; 0: no bound */
	int64_t rate;                          /* submits per second, thousandths; 0: no bound */
	int burst; /* submits at once, above that rate; 0: what the rate makes of a second */
	int64_t max_bytes;                /* of its finished jobs that are kept; 0: no bound */
	char tasks[CLIENT_TASKS_MAX + 1]; /* names with commas between; "" for all */
	bool is_operator;
};

/* One without bounds and without a token; *ret->name is `name`, cut where it is too long. */
void client_default(struct client *ret, const char *name);

/* May it use that task? "" is the task of requests that name an image. */
bool client_may_use(const struct client *client, const char *task);

/* A new token, as it is shown once, and the hash by which it is known. */
int client_token_new(char ret_token[static CLIENT_TOKEN_CHARS + 1],
	uint8_t ret_hash[static CLIENT_HASH_BYTES], struct err *err);
void client_token_hash(const char *token, uint8_t ret[static CLIENT_HASH_BYTES]);
/* Takes the same time wherever they differ. */
bool client_hash_equal(
	const uint8_t a[static CLIENT_HASH_BYTES], const uint8_t b[static CLIENT_HASH_BYTES]);
/* "sha256:" and 64 hexadecimal digits. */
bool client_hash_parse(const char *text, uint8_t ret[static CLIENT_HASH_BYTES]);
