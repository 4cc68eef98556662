/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/verdict.h"
#include "gateway/pages.h"
#include "gateway/problem.h"
#include "gateway/route.h"

static void addresses(void **state)
{
	static const struct {
		enum method method;
		const char *path;
		const char *pattern, *allow;
	} table[] = {
		{ METHOD_GET, "/", "/", "GET, HEAD, OPTIONS" },
		{ METHOD_POST, "/v1/jobs", "/v1/jobs", "GET, HEAD, POST, DELETE, OPTIONS" },
		{ METHOD_DELETE, "/v1/tasks", NULL, "GET, HEAD, OPTIONS" },
		{ METHOD_POST, "/v1/jobs/a/stdin", "/v1/jobs/{id}/stdin", "POST, OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/signal", NULL, "POST, OPTIONS" },
		{ METHOD_GET, "/v1/jobs/", NULL, "OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a", "/v1/jobs/{id}", "GET, HEAD, DELETE, OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/", NULL, "OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/files", "/v1/jobs/{id}/files", "GET, HEAD, OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/files/", NULL, "OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/files/b/c", "/v1/jobs/{id}/files/{path}",
			"GET, HEAD, OPTIONS" },
		{ METHOD_GET, "/v1/jobs/a/nothing", NULL, "OPTIONS" },
		{ METHOD_GET, "//v1/jobs", NULL, "OPTIONS" },
		{ METHOD_OTHER, "/healthz", NULL, "GET, HEAD, OPTIONS" },
		{ METHOD_GET, "", NULL, "OPTIONS" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct route_match match = route_find(table[i].method, table[i].path);
		char allow[64];

		route_allow(match.methods, allow, sizeof(allow));
		assert_string_equal(allow, table[i].allow);
		if (table[i].pattern == NULL)
			assert_null(match.route);
		else
			assert_string_equal(match.route->pattern, table[i].pattern);
	}
}

static void percent_encoding(void **state)
{
	static const struct {
		const char *text;
		const char *plain; /* NULL: cannot be decoded */
	} table[] = { { "", "" }, { "a%20b+c", "a b+c" }, { "%e2%82%AC", "\xe2\x82\xac" },
		{ "%", NULL }, { "%4", NULL }, { "%zz", NULL }, { "a%00", NULL }, { "%2", NULL },
		{ "%41", "A" } };
	char plain[32];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool good = route_decode(table[i].text, strlen(table[i].text), false, plain);

		assert_int_equal(good, table[i].plain != NULL);
		if (good)
			assert_string_equal(plain, table[i].plain);
	}
	assert_true(route_decode("a+b", 3, true, plain));
	assert_string_equal(plain, "a b");
	/* not beyond the given length */
	assert_false(route_decode("%41", 2, false, plain));
}

static const char *method_name(enum method method)
{
	return method == METHOD_POST ? "post" : method == METHOD_DELETE ? "delete" : "get";
}

static json_t *load(void)
{
	json_error_t e;
	json_t *root = json_loadb(pages_openapi, pages_openapi_len, JSON_REJECT_DUPLICATES, &e);

	if (root == NULL)
		fail_msg("openapi.json: line %d: %s", e.line, e.text);
	return root;
}

/* The operation's parameters that stand in the query. */
static void check_params(const json_t *operation, const struct route *route)
{
	size_t described = 0, taken = 0, i;
	json_t *param;

	json_array_foreach(json_object_get(operation, "parameters"), i, param)
	{
		const char *name = json_string_value(json_object_get(param, "name"));
		bool known = false;

		if (strcmp(json_string_value(json_object_get(param, "in")), "query") != 0)
			continue;
		described++;
		for (size_t k = 0; k < ROUTE_PARAMS_MAX && route->params[k] != NULL; k++)
			known = known || strcmp(route->params[k], name) == 0;
		assert_true(known);
	}
	while (taken < ROUTE_PARAMS_MAX && route->params[taken] != NULL)
		taken++;
	assert_int_equal(described, taken);
}

/* Every route stands in the document, with its parameters, and nothing else does. */
static void the_document_is_the_table(void **state)
{
	json_t *root = load(), *paths = json_object_get(root, "paths"), *item, *operation;
	const struct route *route;
	const char *path, *method;
	size_t described = 0, n = 0;

	(void)state;
	assert_non_null(paths);
	for (; (route = route_at(n)) != NULL; n++) {
		operation = json_object_get(
			json_object_get(paths, route->pattern), method_name(route->method));
		if (operation == NULL)
			fail_msg("%s %s is not described", method_name(route->method),
				route->pattern);
		check_params(operation, route);
		assert_true(json_object_size(json_object_get(operation, "responses")) > 0);
	}
	json_object_foreach(paths, path, item)
	{
		json_object_foreach(item, method, operation) described +=
			strcmp(method, "parameters") != 0;
	}
	assert_int_equal(described, n);
	json_decref(root);
}

/* Each "$ref" leads somewhere. */
static void check_refs(const json_t *root, json_t *node)
{
	const char *name;
	size_t i;
	json_t *value;

	json_array_foreach(node, i, value) check_refs(root, value);
	json_object_foreach(node, name, value)
	{
		const json_t *at = root;
		char part[64];
		const char *ref;

		if (strcmp(name, "$ref") != 0) {
			check_refs(root, value);
			continue;
		}
		ref = json_string_value(value);
		assert_int_equal(strncmp(ref, "#/", 2), 0);
		for (ref += 2; *ref != '\0';) {
			size_t n = strcspn(ref, "/");

			assert_true(n < sizeof(part));
			memcpy(part, ref, n);
			part[n] = '\0';
			at = json_object_get(at, part);
			ref += n + (ref[n] == '/');
		}
		if (at == NULL)
			fail_msg("%s leads nowhere", json_string_value(value));
	}
}

static bool has_string(const json_t *list, const char *text)
{
	size_t i;
	json_t *value;

	json_array_foreach(list, i, value)
	{
		if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	}
	return false;
}

/* Closed sets are the code's. */
static void the_document_knows_our_names(void **state)
{
	json_t *root = load();
	json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
	json_t *responses = json_object_get(json_object_get(root, "components"), "responses");
	json_t *limits = json_object_get(json_object_get(schemas, "Limits"), "properties");
	json_t *verdicts = json_object_get(
		json_object_get(
			json_object_get(json_object_get(schemas, "Job"), "properties"), "verdict"),
		"enum");

	(void)state;
	check_refs(root, root);
	assert_int_equal(json_object_size(limits), LIMIT_MAX_);
	for (unsigned i = 0; i < LIMIT_MAX_; i++)
		assert_non_null(json_object_get(limits, limit_name((enum limit)i)));
	assert_int_equal(json_array_size(verdicts), VERDICT_MAX_);
	for (unsigned i = 0; i < VERDICT_MAX_; i++)
		assert_true(has_string(verdicts, verdict_name((enum verdict)i)));
	for (unsigned i = 0; i < PROBLEM_MAX_; i++) {
		char name[32];

		if (i == PROBLEM_METHOD)
			continue; /* of no operation: said in the document's own description */
		(void)snprintf(name, sizeof(name), "Problem%u", problem_status((enum problem)i));
		assert_non_null(json_object_get(responses, name));
	}
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(percent_encoding),
		cmocka_unit_test(the_document_is_the_table),
		cmocka_unit_test(the_document_knows_our_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
