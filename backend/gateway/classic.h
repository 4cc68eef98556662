/* SPDX-License-Identifier: MIT */
/*
 * The classic face: four functions, reached by several forms of address, answered with
 * text whose every byte clients know.
 */
#pragma once

#include <jansson.h>

#include "exchange.h"

/* At the end of the head: which function, and how its body is taken. */
void classic_begin(struct exchange *ex);
void classic_handle(struct exchange *ex);

/*
 * The function that an address names: `rest` is the path behind "/executor", `query`
 * what follows the '?' (or NULL). NULL: none.
 */
const char *classic_function(const char *rest, const char *query);

/*
 * A body's one member that counts, a string: the document that has it, which the caller releases.
 * -EINVAL is the client's mistake, said in `err`.
 */
int classic_parse_member(
	const void *body, size_t n, const char *name, json_t **ret_root, struct err *err);

/*
 * The result's JSON text out of a program's output. `fields`: the task's, or NULL for
 * the original's own two.
 */
void classic_result(struct json_text *t, const char *out, size_t n, const struct task_field *fields,
	size_t n_fields);

/* Line `number` (from 1) without its line end; NULL, 0 where there is none. */
const char *classic_line(const char *out, size_t n, int number, size_t *ret_n);
