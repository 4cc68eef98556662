/* SPDX-License-Identifier: MIT */
/* THE table of what can go wrong for a client: RFC 9457 documents with a stable `type`. */
#pragma once

#include "document/json_text.h"

#define PROBLEM_URN "urn:dockgate:problem:"

/* X(id, name behind PROBLEM_URN, HTTP status, title) */
/* clang-format off */
#define PROBLEMS(X)                                                                           \
	X(INVALID_REQUEST,    "invalid-request",      400, "The request is not valid")             \
	X(UNAUTHORIZED,       "unauthorized",         401, "A token is needed")                    \
	X(FORBIDDEN,          "forbidden",            403, "Not allowed")                          \
	X(ORIGIN,             "origin-not-allowed",   403, "This origin is not allowed")           \
	X(HOST,               "unknown-host",         403, "This service does not go by that name") \
	X(NOT_FOUND,          "not-found",            404, "There is nothing here")                \
	X(METHOD,             "method-not-allowed",   405, "This address does not take the method") \
	X(TIMEOUT,            "timeout",              408, "The request came too slowly")          \
	X(NOT_ENDED,          "not-ended",            409, "The job has not ended")                \
	X(NO_INPUT,           "no-input",             409, "The job takes no input now")           \
	X(CONFLICT,           "conflict",             409, "Not as things are")                    \
	X(TOO_LARGE,          "too-large",            413, "The request is too large")             \
	X(MEDIA_TYPE,         "unsupported-media-type", 415, "This type of content is not taken")  \
	X(RANGE,              "range-not-satisfiable", 416, "The range lies outside")              \
	X(KEY_REUSED,         "idempotency-key-reused", 422, "The key belongs to another request") \
	X(TOO_MANY,           "too-many-requests",    429, "Over this client's share")             \
	X(HEAD_TOO_LARGE,     "head-too-large",       431, "The head is too large")                \
	X(INPUT_FULL,         "input-full",           429, "The job does not read its input")      \
	X(INTERNAL,           "internal-error",       500, "The service failed")                   \
	X(UNAVAILABLE,        "unavailable",          503, "The service is not available now")     \
	X(QUEUE_FULL,         "queue-full",           503, "The queue is full")
/* clang-format on */

enum problem {
#define X(id, name, status, title) PROBLEM_##id,
	PROBLEMS(X)
#undef X
		PROBLEM_MAX_,
};

unsigned problem_status(enum problem problem);

/* The document; `message` is `detail` once more, where other clients look for it. */
void problem_write(struct json_text *t, enum problem problem, const char *detail);
