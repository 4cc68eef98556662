/* SPDX-License-Identifier: MIT */
/* Listening sockets, made the same way by whoever makes them: the supervisor, or a role on its own.
 */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include "err.h"

#define LISTENER_BACKLOG 4096
#define LISTENER_KEEP    ((uid_t)-1) /* for uid and gid: leave it as it is made */

/* A TCP listener on "ADDRESS:PORT" or "[ADDRESS]:PORT"; the descriptor is the caller's. */
int listener_tcp(const char *address, struct err *err);

struct listener_unix {
	const char *path; /* a socket there that nobody listens on goes */
	int type;         /* SOCK_STREAM, SOCK_SEQPACKET */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* -EADDRINUSE where somebody listens there already. */
int listener_unix(const struct listener_unix *what, struct err *err);
