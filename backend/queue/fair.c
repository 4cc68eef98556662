/* SPDX-License-Identifier: MIT */
#include "fair.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SCALE 1000 /* so that a small cost by a large weight is not 0 */

int fair_init(struct fair *fair, size_t n_lines)
{
	*fair = (struct fair){ .n_lines = n_lines };
	fair->lines = calloc(n_lines, sizeof(*fair->lines));
	return fair->lines == NULL ? -ENOMEM : 0;
}

void fair_done(struct fair *fair)
{
	for (size_t i = 0; fair->lines != NULL && i < fair->n_lines; i++)
		order_done(&fair->lines[i]);
	free(fair->lines);
	order_done(&fair->tickets);
	order_pool_done(&fair->pool);
	*fair = (struct fair){ 0 };
}

void fair_forget(struct fair_client *client)
{
	struct fair_lane *lane;

	while ((lane = SLIST_FIRST(&client->lanes)) != NULL) {
		SLIST_REMOVE_HEAD(&client->lanes, next);
		order_done(&lane->jobs);
		free(lane);
	}
	order_done(&client->tickets);
}

static struct fair_lane *lane_of(struct fair *fair, struct fair_client *client, size_t line)
{
	struct fair_lane *lane;

	SLIST_FOREACH(lane, &client->lanes, next)
	if (lane->line == line)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (lane == NULL)
		return NULL;
	lane->client = client;
	lane->line = line;
	SLIST_INSERT_HEAD(&client->lanes, lane, next);
	fair->n_lanes++;
	return lane;
}

static size_t less_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Room for it all, if so many jobs wait: each in its lane and with a ticket of its client and
 * one of all, and the lanes that have any in their lines.
 */
static int make_room(struct fair *fair, size_t n_jobs)
{
	size_t lanes = less_of(fair->n_lanes, n_jobs), lines = less_of(fair->n_lines, lanes);

	return order_pool_reserve(&fair->pool, 2 * lanes + lines + 1, 3 * n_jobs + lanes);
}

int fair_enter(struct fair *fair, struct fair_client *client, struct fair_job *job, size_t line,
	uint64_t rank, uint64_t seq)
{
	struct fair_lane *lane = lane_of(fair, client, line);

	if (lane == NULL || make_room(fair, fair->n_jobs + 1) < 0)
		return -ENOMEM;
	fair->n_jobs++;
	*job = (struct fair_job){ .lane = lane, .place = { rank, seq } };
	return 0;
}

void fair_leave(struct fair *fair)
{
	assert(fair->n_jobs > order_size(&fair->tickets));
	fair->n_jobs--;
	(void)make_room(fair, fair->n_jobs); /* of less there is enough */
}

/* --- tickets --- */

static void add_ticket(struct fair *fair, struct fair_client *client, struct order_place ticket)
{
	order_add(&fair->tickets, &fair->pool, ticket, NULL);
	order_add(&client->tickets, &fair->pool, ticket, NULL);
}

static void remove_ticket(struct fair *fair, struct fair_client *client, struct order_place ticket)
{
	order_remove(&fair->tickets, &fair->pool, ticket);
	order_remove(&client->tickets, &fair->pool, ticket);
}

/* --- lanes --- */

static void unlist(struct fair *fair, struct fair_lane *lane)
{
	if (lane->listed)
		order_remove(&fair->lines[lane->line], &fair->pool, lane->place);
	lane->listed = false;
}

/* Where it may be served, and when, as its client stands now. */
static void relist(struct fair *fair, struct fair_lane *lane)
{
	const struct order_entry *next = order_first(&lane->client->tickets);

	unlist(fair, lane);
	if (lane->client->held || order_size(&lane->jobs) == 0 || next == NULL)
		return;
	lane->place = next->place;
	order_add(&fair->lines[lane->line], &fair->pool, lane->place, lane);
	lane->listed = true;
}

static void relist_all(struct fair *fair, struct fair_client *client)
{
	struct fair_lane *lane;

	SLIST_FOREACH(lane, &client->lanes, next)
	relist(fair, lane);
}

/* One of its lanes has changed, and maybe which ticket is the client's next. */
static void settle(struct fair *fair, struct fair_lane *lane)
{
	struct fair_client *client = lane->client;
	const struct order_entry *next = order_first(&client->tickets);
	uint64_t seq = next == NULL ? 0 : next->place.seq;

	if (seq != client->next_seq)
		relist_all(fair, client);
	else if (lane->listed != (order_size(&lane->jobs) != 0 && !client->held))
		relist(fair, lane);
	client->next_seq = seq;
}

void fair_hold(struct fair *fair, struct fair_client *client, bool held)
{
	if (client->held == held)
		return;
	client->held = held;
	relist_all(fair, client);
}

/* --- coming and going --- */

static void put(struct fair *fair, struct fair_job *job)
{
	add_ticket(fair, job->lane->client, job->ticket);
	order_add(&job->lane->jobs, &fair->pool, job->place, job);
	settle(fair, job->lane);
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct order_place new_ticket(struct fair *fair, uint64_t tag)
{
	return (struct order_place){ tag, ++fair->last_seq };
}

void fair_add(struct fair *fair, struct fair_job *job, uint64_t cost, unsigned weight)
{
	struct fair_client *client = job->lane->client;
	const struct order_entry *last = order_last(&client->tickets);
	uint64_t tag = later_of(fair->now, client->finish);

	if (last != NULL)
		tag = later_of(tag, last->place.key);
	job->charge = later_of(cost * SCALE / weight, 1);
	client->finish = tag + job->charge;
	job->ticket = new_ticket(fair, tag);
	put(fair, job);
}

void fair_forgive(struct fair_client *client)
{
	if (order_size(&client->tickets) == 0)
		client->finish = 0;
}

void fair_put_back(struct fair *fair, struct fair_job *job)
{
	if (job->ticket.seq == 0) /* it was served before there was anything here to know it */
		job->ticket = new_ticket(fair, fair->now);
	put(fair, job);
}

/* The job leaves with that ticket of its client. */
static void take_out(struct fair *fair, struct fair_job *job, const struct order_entry *ticket)
{
	struct fair_lane *lane = job->lane;

	job->ticket = ticket->place;
	remove_ticket(fair, lane->client, job->ticket);
	order_remove(&lane->jobs, &fair->pool, job->place);
	settle(fair, lane);
}

void fair_serve(struct fair *fair, struct fair_job *job)
{
	take_out(fair, job, order_first(&job->lane->client->tickets));
	fair->now = later_of(fair->now, job->ticket.key);
}

void fair_drop(struct fair *fair, struct fair_job *job)
{
	struct fair_client *client = job->lane->client;

	take_out(fair, job, order_last(&client->tickets));
	client->finish -= job->charge < client->finish ? job->charge : client->finish;
}

/* --- questions --- */

struct fair_job *fair_first(const struct fair *fair, size_t line)
{
	const struct order_entry *entry = order_first(&fair->lines[line]);
	const struct fair_lane *lane;

	if (entry == NULL)
		return NULL;
	lane = entry->what;
	return order_first(&lane->jobs)->what;
}

bool fair_before(const struct fair_job *a, const struct fair_job *b)
{
	if (a->lane->client == b->lane->client)
		return order_before(a->place, b->place);
	return order_before(a->lane->place, b->lane->place);
}

uint32_t fair_ahead_own(const struct fair_job *job)
{
	const struct fair_lane *lane;
	uint32_t ahead = 0;

	SLIST_FOREACH(lane, &job->lane->client->lanes, next)
	ahead += order_ahead(&lane->jobs, job->place);
	return ahead;
}

uint64_t fair_ahead(const struct fair *fair, const struct fair_job *job)
{
	const struct order_entry *ticket =
		order_at(&job->lane->client->tickets, fair_ahead_own(job));

	return order_ahead(&fair->tickets, ticket->place);
}

uint64_t fair_waiting(const struct fair *fair)
{
	return order_size(&fair->tickets);
}
