/* SPDX-License-Identifier: MIT */
/*
 * The killer: waits until told, then kills every process of the job's uid at
 * once. kill(-1) holds the kernel's process list, so that no fork gets through
 * between two victims. Its effective uid is the job's for that one call, its
 * others are a third uid: that is why the job can neither be missed nor kill,
 * stop or trace the killer. It is forked beforehand: when a fork bomb has used
 * up the container's processes there is nothing left to fork.
 */
#pragma once

#include <sys/types.h>

#include "common/err.h"
#include "orders.h"

/* Forks it. 0, with the non-blocking socket and its pid, or -errno. */
int killer_fork(const struct prepare_order *job, int *ret_sock, pid_t *ret_pid, struct err *err);
/*
 * Where processes of other users are seen, Linux says "found" without one of the job's; "none" is
 * the truth everywhere.
 */
enum killer_answer { KILLER_NO_ANSWER, KILLER_FOUND, KILLER_FOUND_NONE };

/* Kill now; the answer is a byte on the socket. */
int killer_tell(int sock, struct err *err);
/* The last answer that is there. -EIO: the killer failed or is gone. */
int killer_answer(int sock, enum killer_answer *ret, struct err *err);
