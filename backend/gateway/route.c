/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "control.h"
#include "events.h"
#include "history.h"
#include "jobs.h"
#include "page.h"
#include "service.h"
#include "typed.h"

/* clang-format off */
static const struct route routes[] = {
	{ METHOD_POST,   "/v1/jobs",                 jobs_submit_begin, jobs_submit, { "wait" } },
	{ METHOD_GET,    "/v1/jobs",                 NULL, jobs_list,   { "limit", "cursor", "state", "task", "client" } },
	{ METHOD_GET,    "/v1/jobs/{id}",            NULL, jobs_get,    { "wait" } },
	{ METHOD_DELETE, "/v1/jobs/{id}",            NULL, jobs_cancel, { "purge" } },
	{ METHOD_DELETE, "/v1/jobs",                 NULL, control_delete, { "state", "task", "client", "label", "verdict", "purge", "all" } },
	{ METHOD_POST,   "/v1/jobs/retry",           NULL, control_retry_many, { "task", "client", "label", "verdict", "all" } },
	{ METHOD_POST,   "/v1/jobs/{id}/retry",      NULL, control_retry, { NULL } },
	{ METHOD_GET,    "/v1/jobs/{id}/events",     events_begin, events_get, { NULL } },
	{ METHOD_POST,   "/v1/jobs/{id}/stdin",      typed_begin, typed_stdin, { "end", "wait" } },
	{ METHOD_POST,   "/v1/jobs/{id}/signal",     typed_signal_begin, typed_signal, { "wait" } },
	{ METHOD_GET,    "/v1/jobs/{id}/stdout",     NULL, jobs_stdout, { "wait" } },
	{ METHOD_GET,    "/v1/jobs/{id}/stderr",     NULL, jobs_stderr, { "wait" } },
	{ METHOD_GET,    "/v1/jobs/{id}/files",      NULL, jobs_files,  { "wait" } },
	{ METHOD_GET,    "/v1/jobs/{id}/files/{path}", NULL, jobs_file, { "wait" } },
	{ METHOD_GET,    "/v1/queue",                NULL, jobs_queue,  { NULL } },
	{ METHOD_POST,   "/v1/queue/pause",          control_pause_begin, control_pause, { NULL } },
	{ METHOD_POST,   "/v1/queue/resume",         control_pause_begin, control_resume, { NULL } },
	{ METHOD_GET,    "/v1/queue/history",        NULL, history_get, { NULL }, true },
	{ METHOD_GET,    "/v1/tasks",                NULL, service_tasks, { NULL }, true },
	{ METHOD_GET,    "/v1/nodes",                NULL, service_nodes, { NULL }, true },
	{ METHOD_GET,    "/v1/me",                   NULL, accounts_me,  { NULL } },
	{ METHOD_GET,    "/v1/clients",              NULL, accounts_list, { NULL } },
	{ METHOD_POST,   "/v1/clients",              accounts_add_begin, accounts_add, { NULL } },
	{ METHOD_DELETE, "/v1/clients/{id}",         NULL, accounts_revoke, { NULL } },
	{ METHOD_GET,    "/v1/audit",                NULL, accounts_audit, { "limit", "cursor" } },
	{ METHOD_GET,    "/healthz",                 NULL, service_health, { NULL } },
	{ METHOD_GET,    "/readyz",                  NULL, service_ready, { NULL } },
	{ METHOD_GET,    "/metrics",                 NULL, service_metrics, { NULL }, true },
	{ METHOD_GET,    "/openapi.json",            NULL, service_openapi, { NULL } },
	{ METHOD_GET,    "/",                        NULL, page_index, { NULL } },
	{ METHOD_GET,    "/assets/{path}",           NULL, page_asset, { NULL } },
};
/* clang-format on */

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

enum method method_of(const char *name)
{
	static const struct {
		const char *name;
		enum method method;
	} names[] = {
		{ "GET", METHOD_GET },
		{ "HEAD", METHOD_GET },
		{ "POST", METHOD_POST },
		{ "DELETE", METHOD_DELETE },
		{ "OPTIONS", METHOD_OPTIONS },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) == 0)
			return names[i].method;
	}
	return METHOD_OTHER;
}

const struct route *route_at(size_t i)
{
	return i < N_ROUTES ? &routes[i] : NULL;
}

size_t route_index(const struct route *route)
{
	return (size_t)(route - routes);
}

/* Walks pattern and path side by side. */
static bool matches(const char *pattern, const char *path, struct route_match *found)
{
	while (*pattern != '\0') {
		if (strcmp(pattern, "{path}") == 0) {
			found->path = path;
			return *path != '\0';
		}
		if (strncmp(pattern, "{id}", 4) == 0) {
			size_t n = strcspn(path, "/");

			if (n == 0)
				return false;
			found->id = path;
			pattern += 4;
			path += n;
			continue;
		}
		if (*pattern++ != *path++)
			return false;
	}
	return *path == '\0';
}

struct route_match route_find(enum method method, const char *path)
{
	struct route_match found = { 0 };

	for (size_t i = 0; i < N_ROUTES; i++) {
		struct route_match at = { 0 };

		if (!matches(routes[i].pattern, path, &at))
			continue;
		found.methods |= routes[i].method;
		if (routes[i].method != method)
			continue;
		found.route = &routes[i];
		found.id = at.id;
		found.path = at.path;
	}
	return found;
}

void route_allow(unsigned methods, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s%s%sOPTIONS", (methods & METHOD_GET) != 0 ? "GET, HEAD, " : "",
		(methods & METHOD_POST) != 0 ? "POST, " : "",
		(methods & METHOD_DELETE) != 0 ? "DELETE, " : "");
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool route_decode(const char *text, size_t n, bool plus, char *ret)
{
	for (size_t i = 0; i < n; i++) {
		int hi, lo;

		if (text[i] != '%') {
			*ret++ = (char)(plus && text[i] == '+' ? ' ' : text[i]);
			continue;
		}
		if (n - i < 3)
			return false;
		hi = nibble(text[i + 1]);
		lo = nibble(text[i + 2]);
		if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
			return false;
		*ret++ = (char)(hi * 16 + lo);
		i += 2;
	}
	*ret = '\0';
	return true;
}
