/* SPDX-License-Identifier: MIT */
/*
 * The request as Apache hands it over, in the environment, made into the head of an HTTP request.
 * No value becomes part of it unchecked: lengths, control characters, the method, the length of
 * the body. Headers that are between the client and Apache only (RFC 9110, 7.6.1) stay behind,
 * and so does `Proxy`, which CGI programs have taken for their own proxy.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "text.h"

#define REQUEST_HEAD_MAX 16384 /* the gateway takes no larger one */

struct request {
	char head_buf[REQUEST_HEAD_MAX];
	struct text head; /* without the body's framing and the blank line: see request_close() */
	char prefix_buf[1024];
	struct text prefix; /* the address that stands for the gateway's "/executor" */
	bool head_only;     /* HEAD */
	bool has_length;    /* CONTENT_LENGTH was given */
	uint64_t body_bytes;
};

/*
 * Reads the environment. On failure err->code is EPROTO where the request is bad, EMSGSIZE where
 * its head is too large; the message is for the client.
 */
int request_read(struct request *req, char *const env[], struct err *err);

/* Ends the head. `chunked`: a body comes whose length nobody knows. */
int request_close(struct request *req, bool chunked, struct err *err);
