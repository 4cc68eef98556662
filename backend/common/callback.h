/* SPDX-License-Identifier: MIT */
/*
 * Where a job's ending is to be sent to: the address as a request names it, and what has come
 * of it.
 *
 *	QUEUED, RUNNING, DONE ──▶ PENDING ──2xx──▶ DELIVERED
 *	                             └──too late──▶ FAILED
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"
#include "strv.h"

#define CALLBACK_URL_MAX   2000
#define CALLBACK_HOST_MAX  255
#define CALLBACK_ERROR_MAX 300

/* The order is stored; append only. */
enum callback_state {
	CALLBACK_NONE,
	CALLBACK_PENDING, /* from the submit on */
	CALLBACK_DELIVERED,
	CALLBACK_FAILED,
	CALLBACK_STATE_MAX_,
};

/* "pending"; NULL for none. */
const char *callback_state_name(enum callback_state state);

struct callback_target {
	bool tls;
	char host[CALLBACK_HOST_MAX + 1]; /* in lower case; an IPv6 address without brackets */
	bool is_address;                  /* host is one, and `address` the same */
	struct sockaddr_storage address;  /* without a port */
	uint16_t port;
};

/*
 * Takes an absolute http or https address apart; none with a name or password in it, with
 * blanks, control characters or a number that is half an address ("127.1", "0x7f000001").
 * -EINVAL, with words for whoever wrote it.
 */
int callback_parse(const char *url, struct callback_target *ret, struct err *err);

/*
 * May anybody's job be announced there? Addresses of this machine, of private networks and
 * of other special use only where `allow` has them: addresses, networks ("10.0.0.0/8"), and
 * hosts ("hooks.example", "*.example") whatever their addresses are. `host` is the one that
 * was asked for, address the one that is about to be connected to.
 */
bool callback_allowed(const struct strv *allow, const char *host, const struct sockaddr *address);

/* The same without `allow`. */
bool callback_is_public(const struct sockaddr *address);

/* An entry of `allow`. */
bool callback_allow_ok(const char *text);
