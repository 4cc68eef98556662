/* SPDX-License-Identifier: MIT */
/*
 * The collector: a child with the job's uid and no right, forked once the job
 * is dead, that walks the workspace and sends what the globs ask for as frames
 * (one a message), then DONE's place is the agent's. It is as little trusted as
 * the names it reads: the agent passes on frames of three types and no other.
 */
#pragma once

#include <sys/types.h>

#include "orders.h"

/* Forks it. 0, with the non-blocking socket its frames come from, or -errno. */
int collect_fork(const struct prepare_order *job, int workspace, const struct collect_order *order,
	int *ret_sock, pid_t *ret_pid, struct err *err);
