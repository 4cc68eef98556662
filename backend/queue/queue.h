/* SPDX-License-Identifier: MIT */
/* The queue role's state, shared by the files of this directory and nobody else. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "age.h"
#include "common/config.h"
#include "history.h"
#include "jobs.h"
#include "kept.h"
#include "metrics.h"
#include "outbox.h"
#include "scrape.h"
#include "spool.h"
#include "store/store.h"
#include "turn.h"
#include "typed.h"
#include "waiters.h"
#include "wire/channel.h"
#include "worker.h"

#define QUEUE_DB        STATE_QUEUE "/dockgate.db"
#define QUEUE_SPOOL     STATE_QUEUE "/spool"
#define QUEUE_GATES_MAX 64
#define QUEUE_DOORS     3
#define QUEUE_STOP_S    60 /* a worker may be in the middle of a large file */
#define QUEUE_HOLD_BACK \
	512 /* messages that wait for a peer: no more descriptors, no more jobs for it */

struct queue;

/* A gateway's connection, or the courier's. */
struct gate {
	TAILQ_ENTRY(gate) next;
	struct queue *queue;
	struct channel *ch; /* owned */
	bool closed;        /* to be freed from the loop */
	enum role peer;
	uint64_t number; /* names it where it may be gone by then */
};

TAILQ_HEAD(gates, gate);

/* The driver's connection and what it said of its machine. */
struct drive {
	struct channel *ch; /* owned; NULL: none */
	int fd;             /* the channel's; only looked at */
	bool closed;        /* to be freed from the loop */
	bool node_seen;     /* its first NODE has come: it may get jobs */
	uint64_t instance;
	char node[65];
	bool engine_up;
	char reason[1001], engine[201];
	uint32_t slots;
	int64_t cpus, memory_bytes; /* the machine's */
	struct gpu_list gpus;       /* the machine's; masks name its places */
	struct blob tasks;
	int64_t hold_until_age_ms; /* it gave a job back: none before that */
};

struct long_list;
TAILQ_HEAD(long_lists, long_list);

struct sweep;
TAILQ_HEAD(sweeps, sweep);

struct intake;
TAILQ_HEAD(intakes, intake);

/* Other machines with the same store (follow.h). */
struct follow {
	struct event *event;        /* NULL: there are none */
	uint64_t last;              /* change that was seen */
	int64_t looked_ms;          /* of CLOCK_BOOTTIME */
	int64_t grace_until_age_ms; /* no lease of theirs is over before */
	bool asked;                 /* to look soon */
};

struct knock;

struct queue {
	const struct config *config;
	char *database;                             /* owned; a connection string. NULL: SQLite */
	uint8_t (*token_hashes)[CLIENT_HASH_BYTES]; /* owned; of token_file keys, NULL: none */
	struct event_base *base;                    /* owned, as all below */
	struct store *store;
	struct spool *spool;
	struct worker *worker;
	struct age age;
	struct jobs jobs;
	struct waiters waiters;
	struct typed typed;
	struct turn turn;
	struct follow follow;
	struct outbox outbox;
	struct knock *knock; /* owned; NULL: nobody to talk to */
	struct metrics metrics;
	struct history history;
	struct kept kept;
	struct scrape scrape;
	struct gates gates;
	size_t n_gates;
	uint64_t next_gate;
	struct drive drive;
	struct intakes intakes; /* in the worker's hands, or waiting for the store */
	struct long_lists long_lists;
	struct event *long_list; /* the next step of the first; NULL: there never was one */
	struct sweeps sweeps;
	size_t n_submits;                    /* submits among them */
	struct event *listener[QUEUE_DOORS]; /* gateways', drivers', couriers' */
	struct event *sigterm, *sigint, *sighup;
	struct event *watchdog; /* NULL: nobody asked */
	struct event *tick;     /* leases */
	struct event *places;   /* of waiting jobs that are watched */
	struct event *retry;    /* the store, after a failure */
	struct event *keep;     /* NULL: no database */
	struct event *retention;
	int64_t retention_row_us;     /* what one row took in the last step */
	int64_t retention_due_age_ms; /* when it fires; INT64_MAX: not scheduled */
	struct event *reaper;         /* frees closed connections */
	struct event *hold;           /* the driver's hold is over */
	bool store_up;
	bool stale;    /* the jobs in memory are not those of the store, which is down */
	bool reviving; /* the worker tries to reach the store */
	bool checkpointing;
	char store_reason[400];
	uid_t started_uid;
	uint64_t instance;
	int64_t age_kept_ms; /* when the age was last kept */
	bool stopping;
	int exit_code;
};

/* Start what may start: opens a turn where a job can be admitted. */
void queue_kick(struct queue *q);
/* Ends the loop; the process is to be started again. */
void queue_give_up(struct queue *q, const char *why);
/* The first JOB_ID_SHOWN characters, for logs: an id whole entitles to its result. */
struct short_id {
	char text[JOB_ID_SHOWN + 1];
};
struct short_id queue_short_id(const struct job_id *id);
