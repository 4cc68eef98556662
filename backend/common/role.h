/* SPDX-License-Identifier: MIT */
/*
 * The processes: who they are, what each gets handed, and how it gives up all
 * other rights. `dockgate serve` starts gateway, queue, driver and courier as root; each
 * opens what only root can, calls role_confine() once, and from then on the
 * system refuses it what the table in docs/architecture.md forbids. Under
 * systemd a role starts as its own user, and role_confine() does the rest.
 *
 * All paths of a role's state are relative to the state directory, which is its
 * working directory: the way to it need not be open to the role's user.
 */
#pragma once

#include <signal.h>
#include <stddef.h>

#include "config.h"
#include "err.h"

enum role {
	ROLE_GATEWAY,
	ROLE_QUEUE,
	ROLE_DRIVER,
	ROLE_COURIER,
	ROLE_MAX_,
};

#define ROLE_LISTEN_MAX    32
#define ROLE_SOCKETS       4                                /* SOCKET_... below */
#define ROLE_ADDRESSES_MAX (ROLE_LISTEN_MAX - ROLE_SOCKETS) /* of `listen` */

/* Names of descriptors handed over (systemd's LISTEN_FDS protocol, sd_listen_fds(3)). */
#define ROLE_FD_HTTP          "http"          /* gateway: TCP listener, any number */
#define ROLE_FD_HTTP_UNIX     "http-unix"     /* gateway: its unix listener */
#define ROLE_FD_QUEUE_GATEWAY "queue-gateway" /* queue: SOCK_SEQPACKET listener for gateways */
#define ROLE_FD_QUEUE_DRIVER  "queue-driver"  /* queue: SOCK_SEQPACKET listener for drivers */
#define ROLE_FD_QUEUE_COURIER "queue-courier" /* queue: the same for couriers */

/* Files below config->socket_dir (default: "sock" in the state directory). */
#define SOCKET_HTTP          "dockgate.sock"
#define SOCKET_QUEUE_GATEWAY "queue-gateway.sock"
#define SOCKET_QUEUE_DRIVER  "queue-driver.sock"
#define SOCKET_QUEUE_COURIER "queue-courier.sock"

/* Directories below the state directory: 0700, each its role's own. */
#define STATE_QUEUE   "queue"   /* dockgate.db, spool/ */
#define STATE_DRIVER  "driver"  /* instance, builds/, sandbox, seccomp.json */
#define STATE_COURIER "courier" /* secret */

struct role_args {
	const struct config *config;
	int listen_fd[ROLE_LISTEN_MAX];
	const char *listen_name[ROLE_LISTEN_MAX];
	size_t n_listen;
};

/* "gateway", "queue", "driver", "courier". Never NULL. */
const char *role_name(enum role role);

/*
 * Fill in the descriptors that the supervisor or systemd handed over, by the
 * environment's LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; unsets them. Each
 * descriptor becomes close-on-exec.
 */
int role_listen_fds(struct role_args *args, struct err *err);

/* "<socket_dir>/<name>" for connect(2), relative to the state directory where it is inside. */
int role_socket_path(
	const struct config *config, const char *name, char *ret, size_t size, struct err *err);

/* The role's own directory of the state, 0700; where root makes it, the role's user's. Before
 * role_confine(). */
int role_make_directory(
	enum role role, const char *name, const struct config *config, struct err *err);

/*
 * Become the role's user (where root), without capabilities, with
 * no_new_privs, not dumpable, without core files, and behind the role's seccomp
 * filter. `extra_gid`: a supplementary group (the driver's: that of Docker's
 * socket), (gid_t)-1: none. There is no way back.
 */
int role_confine(enum role role, const struct config *config, gid_t extra_gid, struct err *err);

/* Its user and group, where it is started as root. */
uid_t role_uid(enum role role, const struct config *config);
gid_t role_gid(enum role role, const struct config *config);

/* Tell supervisor or systemd that the role is ready (sd_notify(3), READY=1); nothing where there is
 * none. */
void role_ready(void);

/* The same for STOPPING=1; the end may take up to `most_s` seconds from now. */
void role_stopping(int most_s);

/* What a driver takes at most for its end beyond drain_s: for its containers, and for what the
 * queue has still to acknowledge. */
#define ROLE_DRIVER_REMOVE_S 30
#define ROLE_DRIVER_ACK_S    5

/*
 * How often at least systemd wants to hear role_alive() (sd_watchdog_enabled(3)), in microseconds;
 * 0: never. watchdog.h does both from an event loop.
 */
int64_t role_watchdog_us(void);
void role_alive(void);

/*
 * The exit status for a start that failed with this negative errno: 1 where another one may find
 * it better (no memory, descriptors or room, a disk that fails), else EX_CONFIG.
 */
int role_exit_code(int r);

/*
 * The roles' programs: run until SIGTERM (a clean, draining end: 0) or until
 * something that needs a restart happens (a line is logged; 1). A configuration
 * or rights mistake that no restart mends: 78 (EX_CONFIG, sysexits.h).
 */
int gateway_main(struct role_args *args);
int queue_main(struct role_args *args);
int driver_main(struct role_args *args);
int courier_main(struct role_args *args);
