/* SPDX-License-Identifier: MIT */
/*
 * The doors: a socket for gateways, one for drivers, one for couriers, each with the list of
 * who may come in. A gateway that knocks at the drivers' door is refused by
 * its user's number, and, were the numbers the same, by its HELLO.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/role.h"
#include "queue.h"

/*
 * May a peer of this user come in? Root may. Where the queue was not started as
 * root there is one user for all roles, its own.
 */
bool peers_may_enter(const struct config *config, enum role peer, uid_t uid, uid_t started_uid);

/* The sockets that were handed over, else bound in the socket directory. Before role_confine(). */
int peers_bind(const struct role_args *args, int ret_fd[static QUEUE_DOORS], struct err *err);
/* Begins to accept; takes both descriptors where it succeeds. */
int peers_listen(struct queue *q, int fd[static QUEUE_DOORS], struct err *err);
void peers_done(struct queue *q);
