/* SPDX-License-Identifier: MIT */
/*
 * The keeper: the one process that stays uid 0, without any capability, because
 * the cgroup directories belong to uid 0. It is forked before the agent gives
 * that uid up, and does four things when asked: make a cgroup with limits and
 * put a process into it, change its limits, remove it. The first can take
 * 20 ms (the kernel waits for a grace period), which is why nobody waits for
 * it: requests go out, answers come when they come.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup.h"

enum keeper_op {
	KEEPER_PLACE = 1, /* make cgroup `number`, attach `pid`; the answer has its meter */
	KEEPER_LIMIT,
	KEEPER_REMOVE, /* no answer */
};

struct keeper_request {
	enum keeper_op op;
	unsigned int number;
	pid_t pid;
	struct limits limits;
};

struct keeper_reply {
	enum keeper_op op;
	unsigned int number;
	enum frame_cgroup kind;
	unsigned int have; /* bits 1 << enum figure: the descriptors that came, in that order */
	struct err err;    /* code 0: done */
};

/*
 * Forks it; takes the cgroup. 0, with its end of the talk and its pid, or -errno. `hidden`: it
 * sees no file any more, for in a slot /proc is not covered, and much of that is uid 0's.
 */
int keeper_fork(struct cgroup *cgroup, bool hidden, int *ret_sock, pid_t *ret_pid, struct err *err);
int keeper_ask(int sock, const struct keeper_request *request, struct err *err);
/* 1 with an answer (and its meter, owned, METER_NONE where there is none), 0: none yet, -errno. */
int keeper_answer(int sock, struct keeper_reply *ret, struct meter *ret_meter, struct err *err);
