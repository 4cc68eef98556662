/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include <errno.h>

#include "common/log.h"
#include "queue.h"

#define NOT_KNOWN INT64_MIN

static int take_sum(
	const char *client, uint64_t jobs, uint64_t bytes, int64_t oldest_age_ms, void *arg)
{
	struct queue *q = arg;
	struct client_state *state = clients_get(&q->jobs.clients, client);

	if (state == NULL)
		return -ENOMEM;
	state->kept_jobs = jobs;
	state->kept_bytes = bytes + jobs * KEPT_ROW_BYTES;
	state->kept_since_age_ms = oldest_age_ms;
	q->kept.jobs += jobs;
	q->kept.bytes += state->kept_bytes;
	return 0;
}

static int count(struct queue *q, struct err *err)
{
	struct client_state *client, *next;
	int r;

	HASH_ITER(by_name, q->jobs.clients.by_name, client, next)
	{
		client->kept_jobs = 0;
		client->kept_bytes = 0;
	}
	q->kept = (struct kept){ .stale = true };
	r = store_each_kept(q->store, take_sum, q, err);
	if (r < 0)
		return r == -ENOMEM ? err_set(err, ENOMEM, "what is kept") : r;
	q->kept.stale = false;
	q->kept.counted_age_ms = age_now(&q->age);
	return 0;
}

int kept_refresh(struct queue *q, struct err *err)
{
	bool old = store_is_shared(q->store) &&
		   age_now(&q->age) - q->kept.counted_age_ms >= KEPT_COUNT_MS;

	return q->kept.stale || old ? count(q, err) : 0;
}

void kept_add(struct queue *q, struct client_state *client, uint64_t blob_bytes, int64_t age_ms)
{
	uint64_t bytes = blob_bytes + KEPT_ROW_BYTES;

	if (client->kept_jobs++ == 0 || age_ms < client->kept_since_age_ms)
		client->kept_since_age_ms = age_ms;
	client->kept_bytes += bytes;
	q->kept.jobs++;
	q->kept.bytes += bytes;
}

void kept_moved(struct queue *q, const char *name)
{
	struct client_state *client = clients_find(&q->jobs.clients, name);

	if (client != NULL)
		client->kept_since_age_ms = NOT_KNOWN;
}

static void take_off(uint64_t *from, uint64_t n)
{
	*from -= n < *from ? n : *from;
}

void kept_removed(struct queue *q, const struct store_done *done)
{
	struct client_state *client = clients_find(&q->jobs.clients, done->client);
	uint64_t bytes = done->bytes + KEPT_ROW_BYTES;

	take_off(&q->kept.jobs, 1);
	take_off(&q->kept.bytes, bytes);
	if (client == NULL)
		return;
	take_off(&client->kept_jobs, 1);
	take_off(&client->kept_bytes, bytes);
	client->kept_since_age_ms = NOT_KNOWN;
}

/* --- bounds --- */

static uint64_t excess_of(const struct client_state *client)
{
	uint64_t most = (uint64_t)client->client.max_bytes;

	return most > 0 && client->kept_bytes > most && client->kept_jobs > 1
		       ? client->kept_bytes - most
		       : 0;
}

static uint64_t excess_of_all(const struct queue *q)
{
	uint64_t most = (uint64_t)q->config->keep_bytes;
	uint64_t all = q->kept.bytes + q->jobs.open_bytes;

	return most > 0 && all > most ? all - most : 0;
}

bool kept_is_over(const struct queue *q, const struct client_state *client)
{
	return q->kept.stale || excess_of(client) > 0 || excess_of_all(q) > 0;
}

static int64_t since(struct queue *q, struct client_state *client)
{
	struct store_done done;
	struct err err;
	size_t n;

	if (client->kept_jobs == 0)
		return INT64_MAX;
	if (client->kept_since_age_ms != NOT_KNOWN)
		return client->kept_since_age_ms;
	if (store_oldest_done(q->store, client->client.name, 1, &done, &n, &err) < 0 || n == 0)
		return INT64_MAX;
	client->kept_since_age_ms = done.ended_age_ms;
	return done.ended_age_ms;
}

/* The client with the oldest job; those with one alone left out. */
static bool oldest_of_all(struct queue *q, struct kept_excess *ret)
{
	struct client_state *client, *next;
	int64_t first_ms = INT64_MAX;

	*ret = (struct kept_excess){ .until_age_ms = INT64_MAX };
	HASH_ITER(by_name, q->jobs.clients.by_name, client, next)
	{
		int64_t ms = client->kept_jobs > 1 ? since(q, client) : INT64_MAX;

		if (ms < first_ms) {
			ret->until_age_ms = first_ms;
			ret->client = client;
			first_ms = ms;
		} else if (ms < ret->until_age_ms) {
			ret->until_age_ms = ms;
		}
	}
	return ret->client != NULL;
}

bool kept_find_excess(struct queue *q, struct kept_excess *ret)
{
	struct client_state *client, *next;
	uint64_t bytes;

	HASH_ITER(by_name, q->jobs.clients.by_name, client, next)
	{
		bytes = excess_of(client);
		if (bytes > 0) {
			*ret = (struct kept_excess){ client, GONE_MAX_BYTES, bytes, INT64_MAX };
			return true;
		}
	}
	bytes = excess_of_all(q);
	if (bytes == 0 || !oldest_of_all(q, ret))
		return false;
	ret->why = GONE_KEEP_BYTES;
	ret->bytes = bytes;
	return true;
}

int64_t kept_oldest_age_ms(struct queue *q)
{
	struct client_state *client, *next;
	int64_t first_ms = INT64_MAX;

	HASH_ITER(by_name, q->jobs.clients.by_name, client, next)
	{
		int64_t ms = since(q, client);

		if (ms < first_ms)
			first_ms = ms;
	}
	return first_ms;
}

bool kept_has_room(const struct queue *q, uint64_t spec_bytes, uint64_t input_bytes)
{
	uint64_t most = (uint64_t)q->config->keep_bytes;
	uint64_t open = q->jobs.open_bytes;

	if (most == 0)
		return true;
	return open <= most && spec_bytes <= most - open && input_bytes <= most - open - spec_bytes;
}
