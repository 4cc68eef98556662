/* SPDX-License-Identifier: MIT */
#include "fair.h"

#include <errno.h>
#include <stdlib.h>

#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define SCALE                         1000 /* so that a small cost by a large weight is not 0 */

int fair_init(struct fair *fair, size_t n_lines)
{
	*fair = (struct fair){ .n_lines = n_lines };
	fair->lines = calloc(n_lines, sizeof(*fair->lines));
	return fair->lines == NULL ? -ENOMEM : 0;
}

void fair_done(struct fair *fair)
{
	free(fair->lines);
	*fair = (struct fair){ 0 };
}

void fair_forget(struct fair_client *client)
{
	struct fair_lane *lane;

	while ((lane = SLIST_FIRST(&client->lanes)) != NULL) {
		SLIST_REMOVE_HEAD(&client->lanes, next);
		free(lane);
	}
}

static struct fair_lane *lane_of(struct fair_client *client, size_t line)
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
	return lane;
}

int fair_enter(
	struct fair_client *client, struct fair_job *job, size_t line, uint64_t rank, uint64_t seq)
{
	struct fair_lane *lane = lane_of(client, line);

	if (lane == NULL)
		return -ENOMEM;
	*job = (struct fair_job){
		.lane = lane,
		.by_client = { .key = rank, .seq = seq },
		.by_lane = { .key = rank, .seq = seq },
	};
	return 0;
}

/* --- tickets --- */

static void set_ticket(struct fair_job *job, uint64_t tag, uint64_t seq)
{
	job->of_all.key = job->of_client.key = tag;
	job->of_all.seq = job->of_client.seq = seq;
}

static void add_ticket(struct fair *fair, struct fair_client *client, struct fair_job *job)
{
	order_add(&fair->tickets, &job->of_all);
	order_add(&client->tickets, &job->of_client);
}

static void remove_ticket(struct fair *fair, struct fair_client *client, struct fair_job *job)
{
	order_remove(&fair->tickets, &job->of_all);
	order_remove(&client->tickets, &job->of_client);
}

static struct fair_job *holder(struct order_node *of_client)
{
	return CONTAINER_OF(of_client, struct fair_job, of_client);
}

/* The job leaves with that ticket of its client, and its own goes to who had that one. */
static void leave_with(struct fair *fair, struct fair_job *job, struct order_node *ticket)
{
	struct fair_client *client = job->lane->client;
	struct fair_job *other = holder(ticket);
	uint64_t tag = ticket->key, seq = ticket->seq;

	remove_ticket(fair, client, job);
	if (other != job) {
		remove_ticket(fair, client, other);
		set_ticket(other, job->of_all.key, job->of_all.seq);
		add_ticket(fair, client, other);
	}
	set_ticket(job, tag, seq);
}

/* --- lanes --- */

static void unlist(struct fair *fair, struct fair_lane *lane)
{
	if (lane->listed)
		order_remove(&fair->lines[lane->line], &lane->by_line);
	lane->listed = false;
}

/* Where it may be served, and when, as its client stands now. */
static void relist(struct fair *fair, struct fair_lane *lane)
{
	const struct order_node *next = order_first(&lane->client->tickets);

	unlist(fair, lane);
	if (lane->client->held || lane->jobs.root == NULL || next == NULL)
		return;
	lane->by_line.key = next->key;
	lane->by_line.seq = next->seq;
	order_add(&fair->lines[lane->line], &lane->by_line);
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
	const struct order_node *next = order_first(&client->tickets);
	uint64_t seq = next == NULL ? 0 : next->seq;

	if (seq != client->next_seq)
		relist_all(fair, client);
	else if (lane->listed != (lane->jobs.root != NULL && !client->held))
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
	struct fair_client *client = job->lane->client;

	add_ticket(fair, client, job);
	order_add(&client->jobs, &job->by_client);
	order_add(&job->lane->jobs, &job->by_lane);
	settle(fair, job->lane);
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void fair_add(struct fair *fair, struct fair_job *job, uint64_t cost, unsigned weight)
{
	struct fair_client *client = job->lane->client;
	const struct order_node *last = order_last(&client->tickets);
	uint64_t tag = later_of(fair->now, client->finish);

	if (last != NULL)
		tag = later_of(tag, last->key);
	job->charge = later_of(cost * SCALE / weight, 1);
	client->finish = tag + job->charge;
	set_ticket(job, tag, ++fair->last_seq);
	put(fair, job);
}

void fair_forgive(struct fair_client *client)
{
	if (client->tickets.root == NULL)
		client->finish = 0;
}

void fair_put_back(struct fair *fair, struct fair_job *job)
{
	if (job->of_all.seq == 0) /* it was served before there was anything here to know it */
		set_ticket(job, fair->now, ++fair->last_seq);
	put(fair, job);
}

static void take_out(struct fair *fair, struct fair_job *job, struct order_node *ticket)
{
	struct fair_lane *lane = job->lane;

	order_remove(&lane->client->jobs, &job->by_client);
	order_remove(&lane->jobs, &job->by_lane);
	leave_with(fair, job, ticket);
	settle(fair, lane);
}

void fair_serve(struct fair *fair, struct fair_job *job)
{
	take_out(fair, job, order_first(&job->lane->client->tickets));
	fair->now = later_of(fair->now, job->of_all.key);
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
	struct order_node *node = order_first(&fair->lines[line]);

	if (node == NULL)
		return NULL;
	node = order_first(&CONTAINER_OF(node, struct fair_lane, by_line)->jobs);
	return CONTAINER_OF(node, struct fair_job, by_lane);
}

bool fair_before(const struct fair_job *a, const struct fair_job *b)
{
	if (a->lane->client == b->lane->client)
		return order_before(&a->by_client, &b->by_client);
	return order_before(&a->lane->by_line, &b->lane->by_line);
}

uint64_t fair_ahead(const struct fair *fair, const struct fair_job *job)
{
	const struct fair_client *client = job->lane->client;
	uint32_t own = order_ahead(&client->jobs, &job->by_client);

	return order_ahead(&fair->tickets, &holder(order_at(&client->tickets, own))->of_all);
}

uint64_t fair_waiting(const struct fair *fair)
{
	return order_size(&fair->tickets);
}
