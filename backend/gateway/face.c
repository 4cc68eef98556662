/* SPDX-License-Identifier: MIT */
#include "face.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "classic.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "jobs.h"
#include "origin.h"
#include "query.h"

#define PREFIX "/executor"

/* Names below /executor/ that are the native face's. */
static bool is_native(const char *rest)
{
	static const char *const names[] = { "v1", "assets", "healthz", "readyz", "metrics",
		"openapi.json" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(rest, names[i], n) == 0 && (rest[n] == '\0' || rest[n] == '/'))
			return true;
	}
	return false;
}

void face_choose(struct exchange *ex, const char *method)
{
	char *query = strchr(ex->uri, '?');
	size_t n = strlen(PREFIX);

	ex->method = method_of(method);
	ex->head_only = strcmp(method, "HEAD") == 0;
	ex->path = ex->uri;
	ex->prefix = "";
	if (query != NULL) {
		*query = '\0';
		ex->query = query + 1;
	}
	if (strncmp(ex->path, PREFIX, n) != 0 || (ex->path[n] != '\0' && ex->path[n] != '/'))
		return;
	if (ex->path[n] == '/' && is_native(ex->path + n + 1)) {
		ex->prefix = PREFIX;
		ex->path += n;
		return;
	}
	ex->classic = true;
	ex->path += n;
}

/*
 * What a browser says of a page's doing where it sends no Origin, or something on the way took it
 * off. "none" is the user's own.
 */
static bool is_other_sites(const struct exchange *ex)
{
	const char *site = exchange_header(ex, "Sec-Fetch-Site");

	return (ex->method == METHOD_POST || ex->method == METHOD_DELETE) && site != NULL &&
	       strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0;
}

static bool check_host_and_origin(struct exchange *ex, bool any_host)
{
	const char *host = exchange_header(ex, "Host");
	const char *origin = exchange_header(ex, "Origin");

	if (!any_host && !origin_host_known(ex->gw->config, host)) {
		exchange_problem(ex, PROBLEM_HOST,
			"Host: this service does not go by that name (server_names adds some)");
		return false;
	}
	if (origin_check(ex->gw->config, host, origin) == ORIGIN_REFUSED ||
		(origin == NULL && is_other_sites(ex))) {
		exchange_problem(ex, PROBLEM_ORIGIN, "Origin: this origin is not allowed");
		return false;
	}
	return true;
}

static bool parse_query(struct exchange *ex)
{
	struct err err;
	int r = query_parse(ex->route, ex->query, ex->params, &err);

	if (r < 0)
		jobs_answer_error(ex, r, &err);
	return r == 0;
}

/* Seconds, decimals allowed, 0 at least; more than the longest poll is the longest poll. */
static bool parse_seconds(const struct exchange *ex, const char *text, int64_t *ret_ms)
{
	int64_t most = (int64_t)ex->gw->config->wait_max_s * 1000;

	if (!number_parse_thousandths(text, 0, INT64_MAX / 2, ret_ms))
		return false;
	if (*ret_ms > most)
		*ret_ms = most;
	return true;
}

/* "wait=N" among the preferences of RFC 7240; one that cannot be read is no preference. */
static void parse_prefer(struct exchange *ex)
{
	const char *at = exchange_header(ex, "Prefer");

	while (at != NULL && *at != '\0') {
		char seconds[24];
		size_t n;

		at += strspn(at, " \t,;");
		n = strcspn(at, ",;");
		if (n > 5 && n - 5 < sizeof(seconds) && strncasecmp(at, "wait=", 5) == 0) {
			memcpy(seconds, at + 5, n - 5);
			seconds[n - 5] = '\0';
			seconds[strcspn(seconds, " \t")] = '\0';
			if (parse_seconds(ex, seconds, &ex->wait_ms))
				ex->wait_preferred = true;
			return;
		}
		at += n;
	}
}

/* The parameter goes over the header. */
static bool parse_wait(struct exchange *ex)
{
	const char *wait = exchange_param(ex, "wait");

	for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++) {
		if (ex->route->params[i] != NULL && strcmp(ex->route->params[i], "wait") == 0)
			parse_prefer(ex);
	}
	if (wait == NULL)
		return true;
	ex->wait_preferred = false;
	if (parse_seconds(ex, wait, &ex->wait_ms))
		return true;
	exchange_problem(ex, PROBLEM_INVALID_REQUEST,
		"query parameter 'wait': expected seconds, 0 or more, with at most three decimals");
	return false;
}

/* -EINVAL: it cannot be decoded; -ENOMEM. */
static int decode(const char *text, size_t n, char **ret)
{
	cleanup_free char *copy = malloc(n + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (!route_decode(text, n, false, copy))
		return -EINVAL;
	*ret = TAKE_PTR(copy);
	return 0;
}

/* What cannot be decoded is an address where nothing is. */
static bool decode_parts(struct exchange *ex, const struct route_match *match)
{
	int r = 0;

	if (match->id != NULL)
		r = decode(match->id, strcspn(match->id, "/"), &ex->id);
	if (r == 0 && match->path != NULL)
		r = decode(match->path, strlen(match->path), &ex->file);
	if (r == -ENOMEM)
		exchange_unavailable(ex, 1, "no memory for the request");
	else if (r < 0)
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such address");
	return r == 0;
}

static void answer_options(struct exchange *ex, const char *allow)
{
	exchange_answer_static(ex, MHD_HTTP_NO_CONTENT, "text/plain", "", 0);
	exchange_add_header(ex, "Allow", allow);
	if (exchange_header(ex, "Access-Control-Request-Method") == NULL)
		return;
	exchange_add_header(ex, "Access-Control-Allow-Methods", allow);
	exchange_add_header(ex, "Access-Control-Allow-Headers",
		"Content-Type, Prefer, Authorization, Range, Idempotency-Key, Last-Event-ID");
	exchange_add_header(ex, "Access-Control-Max-Age", "600");
}

static void begin_native(struct exchange *ex)
{
	struct route_match match = route_find(ex->method, ex->path);
	char allow[64];

	route_allow(match.methods, allow, sizeof(allow));
	if (match.methods == 0) {
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such address");
		return;
	}
	if (ex->method == METHOD_OPTIONS) {
		answer_options(ex, allow);
		return;
	}
	if (match.route == NULL) {
		exchange_problem(ex, PROBLEM_METHOD, "this address takes %s", allow);
		exchange_add_header(ex, "Allow", allow);
		return;
	}
	ex->route = match.route;
	if (!parse_query(ex) || !parse_wait(ex) || !decode_parts(ex, &match))
		return;
	if (ex->route->begin != NULL)
		ex->route->begin(ex);
}

static void begin_classic(struct exchange *ex)
{
	if (ex->method == METHOD_OPTIONS) {
		answer_options(ex, "GET, HEAD, POST, OPTIONS");
		return;
	}
	classic_begin(ex);
}

void face_begin(struct exchange *ex, bool any_host)
{
	ex->body_kind = BODY_IGNORE;
	ex->body_max = (uint64_t)ex->gw->config->body_json_max;
	if (!check_host_and_origin(ex, any_host))
		return;
	if (ex->classic)
		begin_classic(ex);
	else
		begin_native(ex);
}

void face_handle(struct exchange *ex)
{
	if (ex->classic)
		classic_handle(ex);
	else if (ex->route->guarded)
		accounts_admit(ex);
	else
		ex->route->handle(ex);
}
