/* SPDX-License-Identifier: MIT */
/*
 * The nursery: the one process that makes sandboxes. It lives in a user and
 * mount namespace of its own, with the tree that all jobs of the slot see
 * (base.h), and clones an init (init.h) into new namespaces whenever the agent
 * asks, so that none of that is done on the way of a job.
 */
#pragma once

#include <sys/types.h>

#include "common/err.h"
#include "orders.h"
#include "spare.h"

/* With it go the init's end of a socket, then SPARE_ENDS descriptors. */
struct nursery_request {
	unsigned int id;     /* the sandbox's */
	unsigned int number; /* its first spare's */
};

enum nursery_event {
	NURSERY_UP = 1, /* it can make sandboxes */
	NURSERY_GONE,   /* a sandbox has ended, and all that it held is free */
	NURSERY_FAILED,
};

struct nursery_reply {
	enum nursery_event event;
	unsigned int id;
	struct err err;
};

/*
 * Forks it, as the agent's uid and before the agent gives up namespaces. 0,
 * with its end of the talk and its pid, or -errno where the host refuses.
 */
int nursery_fork(const struct prepare_order *job, int *ret_sock, pid_t *ret_pid, struct err *err);
int nursery_ask(int sock, const struct nursery_request *request, int control,
	const int ends[static SPARE_ENDS], struct err *err);
/* 1 with a reply, 0: none yet, -errno. */
int nursery_answer(int sock, struct nursery_reply *ret, struct err *err);
