/* SPDX-License-Identifier: MIT */
/*
 * The place where the service lives: the state directory with its owners, and
 * every listener, made as root before any role runs. The working directory
 * becomes the state directory.
 */
#pragma once

#include "common/role.h"

#define PLACE_LOCK "serve.lock" /* in the state directory: locked, with the supervisor's pid */

struct listener {
	int fd;
	const char *name; /* ROLE_FD_... */
	enum role role;
	char *path; /* owned; of a unix socket, else NULL */
};

struct place {
	int lock_fd; /* held as long as the service runs: one for each state directory */
	struct listener listeners[ROLE_LISTEN_MAX];
	size_t n_listeners;
};

/* -EADDRINUSE, -EBUSY and such with words that say what to do. */
int place_open(struct place *place, const struct config *config, struct err *err);

/* Closes all and removes the sockets' files. Fine on one that was never opened or half. */
void place_close(struct place *place);

/* Docker's socket, where it is one of this machine: there, and of a group that is not 0. */
int place_check_engine(const struct config *config, struct err *err);

/* The process of the `serve` that runs with that state directory; -ESRCH: none. Needs root. */
int place_supervisor(const struct config *config, pid_t *ret, struct err *err);
