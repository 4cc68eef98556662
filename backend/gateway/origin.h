/* SPDX-License-Identifier: MIT */
/*
 * Which Host and Origin a request may come with, so that no web page starts jobs on a
 * visitor's own machine: not by its scripts (Origin), not by a name of its own that
 * points here (Host). Pure.
 */
#pragma once

#include <stdbool.h>

#include "common/config.h"

/*
 * Is `host` (a Host header; NULL: none was sent, as no browser does) a name of this
 * service: localhost, an address literal that we listen on (any where we listen on
 * all), or one of server_names? Names are compared without their port unless the entry
 * has one.
 */
bool origin_host_known(const struct config *config, const char *host);

enum origin {
	ORIGIN_NONE,    /* no Origin was sent, or it is the service's own */
	ORIGIN_ALLOWED, /* the operator's list has it */
	ORIGIN_ANY,     /* the list has "*" */
	ORIGIN_REFUSED,
};

enum origin origin_check(const struct config *config, const char *host, const char *origin);
