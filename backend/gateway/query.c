/* SPDX-License-Identifier: MIT */
#include "query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define NAME_MAX_ 64

/* Takes the value over where it takes it. */
static int set_param(const struct route *route, const char *name, char **value,
	char *params[static ROUTE_PARAMS_MAX], struct err *err)
{
	for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++) {
		if (route->params[i] == NULL || strcmp(route->params[i], name) != 0)
			continue;
		if (params[i] != NULL)
			return err_say(err, EINVAL, "query parameter '%s': given twice", name);
		params[i] = TAKE_PTR(*value);
		return 0;
	}
	return err_say(err, EINVAL, "query parameter '%s': unknown here", name);
}

static int parse_param(const struct route *route, const char *pair, size_t n,
	char *params[static ROUTE_PARAMS_MAX], struct err *err)
{
	const char *eq = memchr(pair, '=', n);
	size_t name_n = eq == NULL ? n : (size_t)(eq - pair);
	size_t value_n = eq == NULL ? 0 : n - name_n - 1;
	cleanup_free char *value = malloc(value_n + 1);
	char name[NAME_MAX_ + 1];

	if (value == NULL)
		return err_set(err, ENOMEM, "query");
	if (name_n > NAME_MAX_ || !route_decode(pair, name_n, true, name) ||
		!route_decode(eq == NULL ? pair : eq + 1, value_n, true, value))
		return err_say(err, EINVAL, "query: cannot be decoded");
	return set_param(route, name, &value, params, err);
}

int query_parse(const struct route *route, const char *query, char *params[static ROUTE_PARAMS_MAX],
	struct err *err)
{
	const char *at = query;

	while (at != NULL && *at != '\0') {
		size_t n = strcspn(at, "&");
		int r = n > 0 ? parse_param(route, at, n, params, err) : 0;

		if (r < 0)
			return r;
		at += n + (at[n] == '&');
	}
	return 0;
}
