/* SPDX-License-Identifier: MIT */
/*
 * Who a process of the container is. Four kinds live there besides the job:
 *
 *	agent    PREPARE's agent uid; SETUID, SETGID, KILL; cannot become 0 again
 *	keeper   uid 0, no capability at all: it owns the cgroup directories
 *	killer   a third uid, SETUID only: kills everything of the job's uid
 *	spare    like the agent, until it becomes the job
 *
 * At sandbox level these besides, in user namespaces where neither 0 nor the
 * agent is mapped; their capabilities are those namespaces' and the host's none:
 *
 *	nursery  the killer's uid; SETUID, SETGID: maps users for those it makes
 *	init     the killer's uid; SETUID, SETGID for spares, SYS_ADMIN to make tmpfs smaller
 *
 * None shares a uid with the job, none is dumpable: the job can neither trace,
 * stop, slow down nor signal them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "orders.h"

/* Uid 0 with the three capabilities becomes `uid` with the same three, */
int rights_become_agent(uid_t uid, struct err *err);
/* and gives up for good every way back, and namespaces and mounts. */
int rights_stay_agent(struct err *err);
/* Gives up every capability; the uid stays. */
int rights_drop_caps(void);
/* Keeps SETUID alone. */
int rights_keep_setuid(void);
/* Becomes the job: uid and gid, no groups, no capability. 0 or -errno. */
int rights_become_job(uid_t uid);
/* What the nursery and an init keep. */
int rights_keep_nursery(void);
int rights_keep_init(void);
/* The uid under which the killer waits: neither the agent's nor the job's nor 0. */
uid_t rights_killer_uid(uid_t agent_uid, uid_t job_uid);
/* The same: those who watch a sandbox from inside. */
uid_t rights_init_uid(const struct prepare_order *job);
/* What this thread makes in file systems from now on belongs to `uid`. */
void rights_files_as(uid_t uid);
