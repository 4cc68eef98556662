/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is among clients: the order in which the waiting jobs are served.
 *
 * Start-time fair queueing. A job that begins to wait draws a ticket for its client. The
 * ticket's tag is a point of virtual time: where the client's last ticket ends, or now,
 * whichever is later; and it ends the job's cost, divided by the client's weight, behind
 * that. Now is the tag of the ticket that was served last. Tickets are served by their tags;
 * so the first job of a client that had none goes before all but those of others who had none,
 * however many they have waiting, and over time each client gets its share of what there is.
 *
 * A client of which nothing waits and nothing runs owes nothing: without that, its single job
 * might have to wait for one of others that came earlier.
 *
 * Whose tickets come when is one thing, which of its jobs a client sends with its next
 * ticket another: the one with the lowest rank, of those whose line is open. A client
 * that cancels a job gives its last ticket back; a ticket is no job's in particular until one
 * leaves with it. So nothing that is in the order ever has to be reckoned anew, and every call
 * costs O(log n), for n waiting jobs, times the number of lines in which that client has some.
 *
 * Pure: no clock, no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "order.h"

struct fair_lane;
SLIST_HEAD(fair_lanes, fair_lane);

/* What a client has waiting. All-zero at first. */
struct fair_client {
	struct fair_lanes lanes; /* owned */
	struct order tickets;    /* by tag */
	uint64_t finish;         /* where its last ticket ends */
	uint64_t next_seq;       /* of its next ticket, 0: none */
	bool held;               /* it is passed over */
};

/* A job that waits, or may again. */
struct fair_job {
	struct fair_lane *lane;
	uint64_t charge;           /* what its ticket took of virtual time */
	struct order_place place;  /* among its client's jobs: its rank, the number it came with */
	struct order_place ticket; /* that it came or left with, seq 0: none yet; key: tag */
};

/* The jobs of one client in one line. */
struct fair_lane {
	SLIST_ENTRY(fair_lane) next;
	struct fair_client *client;
	size_t line;
	struct order jobs;        /* by rank; `what`: the job */
	struct order_place place; /* while listed: the client's next ticket */
	bool listed;
};

struct fair {
	struct order_pool pool;
	struct order tickets; /* all of them */
	struct order *lines;  /* owned; lanes of clients that are not held, by their next tickets */
	size_t n_lines, n_lanes, n_jobs; /* jobs: that have a lane */
	uint64_t now, last_seq;
};

int fair_init(struct fair *fair, size_t n_lines);
/* All clients are gone by then. */
void fair_done(struct fair *fair);
/* The client is gone, with all its jobs. */
void fair_forget(struct fair_client *client);

/*
 * Gives a job its lane; before all else. rank: lower ones go first among the client's own, then
 * lower numbers; no other job has that seq. -ENOMEM.
 */
int fair_enter(struct fair *fair, struct fair_client *client, struct fair_job *job, size_t line,
	uint64_t rank, uint64_t seq);
/* It does not wait, and never will again; behind all else. */
void fair_leave(struct fair *fair);
/* It waits, for the first time. cost: in thousandths of a processor; weight: 1 or more. */
void fair_add(struct fair *fair, struct fair_job *job, uint64_t cost, unsigned weight);
/* Nothing of the client waits or runs: what it had before counts no more, its next job is the next.
 */
void fair_forgive(struct fair_client *client);
/* It waits again, at its old place; nothing is charged. */
void fair_put_back(struct fair *fair, struct fair_job *job);
/* It waits no more: it was served, here or elsewhere. */
void fair_serve(struct fair *fair, struct fair_job *job);
/* It waits no more: nobody wants it any longer. */
void fair_drop(struct fair *fair, struct fair_job *job);
/* Passes the client over, or does so no more. */
void fair_hold(struct fair *fair, struct fair_client *client, bool held);

/* The job that goes first of a line; NULL: none may. */
struct fair_job *fair_first(const struct fair *fair, size_t line);
/* Which of two such ones goes first? */
bool fair_before(const struct fair_job *a, const struct fair_job *b);
/* How many are served before it, as things stand. */
uint64_t fair_ahead(const struct fair *fair, const struct fair_job *job);
/* How many of those are its client's own. */
uint32_t fair_ahead_own(const struct fair_job *job);
uint64_t fair_waiting(const struct fair *fair);
