/* SPDX-License-Identifier: MIT */
/*
 * THE table of what is served: method, address, what it takes, who answers. Both faces
 * are in it; the OpenAPI document is tested against it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct exchange;

#define ROUTE_PARAMS_MAX 8

enum method {
	METHOD_GET = 1, /* HEAD too */
	METHOD_POST = 2,
	METHOD_DELETE = 4,
	METHOD_OPTIONS = 8,
	METHOD_OTHER = 16,
};

enum method method_of(const char *name);

struct route {
	enum method method;
	/* "{id}" takes one segment, "{path}" at the end all that is left. */
	const char *pattern;
	/* At the end of the head: may answer, may ask the queue, may set how the body is taken. Or
	 * NULL. */
	void (*begin)(struct exchange *ex);
	/* The whole body is there: answer, or ask the queue. */
	void (*handle)(struct exchange *ex);
	/* Query parameters that it takes; all others are refused. */
	const char *params[ROUTE_PARAMS_MAX];
	/* It asks the queue nothing that says who asks: accounts_admit() comes first. */
	bool guarded;
};

/* In the order of the table, NULL behind the last one. */
const struct route *route_at(size_t i);
size_t route_index(const struct route *route);

struct route_match {
	const struct route *route; /* NULL: none for this method */
	unsigned methods;      /* that the address takes: bits of enum method; 0: no such address */
	const char *id, *path; /* where the pattern's parts begin in `segments`, or NULL */
};

/* `path` with percent-encoding, from its '/' on, without the query. */
struct route_match route_find(enum method method, const char *path);

/* "GET, HEAD, POST": the value of Allow. */
void route_allow(unsigned methods, char *ret, size_t size);

/*
 * Undoes the percent-encoding of n characters into ret (n + 1 bytes): false on a lone '%' or
 * a NUL. `plus`: '+' is a blank, as in queries.
 */
bool route_decode(const char *text, size_t n, bool plus, char *ret);
