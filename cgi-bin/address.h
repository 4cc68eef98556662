/* SPDX-License-Identifier: MIT */
/*
 * From the addresses of a CGI request (RFC 3875, and Apache's REQUEST_URI) to the gateway's,
 * and back for its Location. The gateway has everything below "/executor"; what stands for that
 * on the website is this program's own address, or, where the program lies in a folder that is
 * called "executor" too, that folder's.
 */
#pragma once

#include "text.h"

#define ADDRESS_ROOT "/executor"

struct address {
	const char *uri;    /* REQUEST_URI: what the client asked for, with its escapes. Or NULL */
	const char *script; /* SCRIPT_NAME, without escapes */
	const char *path;   /* PATH_INFO, without escapes: "" or from a '/' on */
	const char *query;  /* QUERY_STRING, with escapes */
};

/*
 * Adds the target that the gateway is asked for: the client's own bytes behind the prefix, so
 * that both read one address. Where the website's rules have led here from another address, it
 * is made of PATH_INFO. False: there is a control character or a blank in it.
 */
bool address_target(const struct address *a, struct text *target);

/* Adds the address that stands for ADDRESS_ROOT on the website, escaped. */
void address_prefix(const struct address *a, struct text *prefix);
