/* SPDX-License-Identifier: MIT */
/*
 * The init: PID 1 of one sandbox, of another user than the job. It makes what
 * the job has of its own (proc, workspace, /tmp, /dev/shm), forks spares, reaps
 * whatever ends and tells the agent. Its end is the end of all in there; it
 * ends when the agent closes its end of the socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base.h"
#include "common/err.h"
#include "orders.h"
#include "spare.h"

enum init_op {
	INIT_SPAWN = 1, /* with SPARE_ENDS descriptors */
	INIT_LIMIT,     /* workspace and /tmp have so many bytes from now on */
};

struct init_request {
	enum init_op op;
	unsigned int number;
	int64_t bytes;
};

enum init_event {
	INIT_SET_UP = 1, /* with DISK_PLACES descriptors */
	INIT_SPAWNED,    /* sent by the spare: who sent it says its pid */
	INIT_ENDED,      /* a spare, or what became of it */
	INIT_REAPED,     /* others, since a spare ended */
	INIT_LIMITED,
	INIT_FAILED,
};

struct init_reply {
	enum init_event event;
	unsigned int number;
	int status; /* as wait4(2) has it */
	int64_t rss_bytes;
	bool file_limit; /* one of those reaped died of SIGXFSZ */
	struct err err;
};

/* What an init is made of. */
struct init_order {
	const struct prepare_order *job;
	const struct base *base;
	int control;          /* its end of the socket */
	int mapped;           /* a byte comes from here once its users are mapped */
	unsigned int number;  /* of the first spare, */
	int ends[SPARE_ENDS]; /* and its pipes */
};

/* In the new namespaces, forked by the nursery. */
_Noreturn void init_main(const struct init_order *order);
