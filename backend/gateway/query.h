/* SPDX-License-Identifier: MIT */
#pragma once

#include "common/err.h"
#include "route.h"

/*
 * The query of an address, without its '?', NULL where there is none: values by the route's
 * parameters, decoded, "" for one without a value. -EINVAL is the client's mistake, said in `err`.
 * What stands in `params`, after a failure too, the caller frees.
 */
int query_parse(const struct route *route, const char *query, char *params[static ROUTE_PARAMS_MAX],
	struct err *err);
