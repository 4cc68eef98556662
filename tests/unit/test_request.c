/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_read.h"
#include "gateway/json_where.h"
#include "gateway/request.h"

static struct config *config;

static const char config_source[] =
	"images_allowed = { \"allowed/*\" }\n"
	"task \"sh\" { image = \"x\" command = { \"/bin/sh\" } custom_command = true "
	"network = true retention_s = 100 }\n"
	"task \"plain\" { image = \"x\" command = { \"/x\" } main = \"main.c\" }\n"
	"task \"classic\" { image = \"x\" command = { \"/x\" } }\n";

static int set_up(void **state)
{
	struct err err;

	(void)state;
	if (config_parse(config_source, "test", NULL, NULL, &config, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static int parse(const char *json, size_t n, struct request *req, struct err *err)
{
	request_init(req);
	return request_parse(config, json, n, req, err);
}

/* Each is refused with a message that begins with what stands behind it. */
static const struct {
	const char *json, *message;
} refused[] = {
	/* the whole */
	{ "", "malformed JSON" },
	{ "{", "malformed JSON" },
	{ "[]", "the body: expected a JSON object, not an array" },
	{ "null", "the body: expected a JSON object, not null" },
	{ "\"x\"", "the body: expected a JSON object, not a string" },
	{ "{\"task\": \"sh\"} x", "malformed JSON" },
	{ "{\"task\": \"s\xff\"}", "task: malformed JSON" },
	{ "{\"task\": \"\\ud800\"}", "task: malformed JSON" },
	/* what is to be run */
	{ "{}", "task: is missing" },
	{ "{\"task\": 1}", "task: expected a string, not a number" },
	{ "{\"task\": \"no\"}", "task: there is no task \"no\"" },
	{ "{\"task\": \"s\\u0000h\"}", "task: has a NUL" },
	{ "{\"task\": \"sh\", \"image\": \"allowed/a\"}", "image: not together with \"task\"" },
	{ "{\"image\": \"other/a\", \"command\": [\"x\"]}", "image: is not among" },
	{ "{\"image\": \"allowed/a\"}", "command: is missing" },
	/* unknown and repeated */
	{ "{\"task\": \"sh\", \"colour\": 1}", "colour: unknown member" },
	{ "{\"task\": \"sh\", \"callbacks\": \"http://x\"}", "callbacks: unknown member" },
	{ "{\"task\": \"sh\", \"callback\": 1}",
		"callback: expected an address, or an object, not a number" },
	{ "{\"task\": \"sh\", \"callback\": {}}", "callback.url: is missing" },
	{ "{\"task\": \"sh\", \"callback\": {\"uri\": \"http://x\"}}",
		"callback.uri: unknown member" },
	{ "{\"task\": \"sh\", \"callback\": \"ftp://x\"}",
		"callback: expected http:// or https://" },
	{ "{\"task\": \"sh\", \"callback\": \"http://127.0.0.1/\"}",
		"callback: callbacks may not go to that address" },
	{ "{\"task\": \"sh\", \"gpus\": \"all\"}", "gpus: unknown member" },
	{ "{\"task\": \"sh\", \"cases\": [{}, {\"limits\": {\"cpu\": 1}}]}",
		"cases[1].limits.cpu: unknown member" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\", \"mode\": 1}]}",
		"files[0].mode: unknown member" },
	{ "{\"task\": \"sh\", \"build\": {\"env\": {}}}", "build.env: unknown member" },
	{ "{\"task\": \"sh\", \"stdin\": {\"content\": \"\", \"x\": 1}}",
		"stdin.x: unknown member" },
	{ "{\"task\": \"sh\", \"task\": \"sh\"}", "task: given twice" },
	{ "{\"task\": \"sh\", \"cases\": [{}, {}, {}, {\"limits\": {\"cpu_ms\": 1, \"cpu_ms\": "
	  "2}}]}",
		"cases[3].limits.cpu_ms: given twice" },
	{ "{\"task\": \"sh\", \"env\": {\"A\": \"{[\\\"\", \"B\": \"\", \"A\": \"\"}}",
		"env.A: given twice" },
	/* limits */
	{ "{\"task\": \"sh\", \"limits\": 1}", "limits: expected an object, not a number" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": \"1\"}}",
		"limits.cpu_ms: expected a whole number, not a string" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": true}}",
		"limits.cpu_ms: expected a whole number, not a boolean" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": 1.0}}",
		"limits.cpu_ms: expected a whole number" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": 0}}",
		"limits.cpu_ms: 0 is below the smallest value, 1" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": -1}}", "limits.cpu_ms: -1 is below" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": 9223372036854775807}}",
		"limits.cpu_ms: 9223372036854775807 is above the task's ceiling, 600000" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": 9223372036854775808}}",
		"limits.cpu_ms: malformed JSON" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": 1e999}}", "limits.cpu_ms: malformed JSON" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpu_ms\": NaN}}", "limits.cpu_ms: malformed JSON" },
	{ "{\"task\": \"sh\", \"limits\": {\"memory_bytes\": 0}}",
		"limits.memory_bytes: 0 is below" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": 0}}", "limits.cpus: 0/1000 is below" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": -0.5}}", "limits.cpus: -500/1000 is below" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": 0.0505}}",
		"limits.cpus: has more than three decimals" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": 1e300}}", "limits.cpus: is out of range" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": \"1\"}}", "limits.cpus: expected a number" },
	{ "{\"task\": \"sh\", \"limits\": {\"cpus\": 64.001}}",
		"limits.cpus: 64001/1000 is above" },
	{ "{\"task\": \"sh\", \"build\": {\"limits\": {\"wall_ms\": 0}}}",
		"build.limits.wall_ms: 0 is below" },
	{ "{\"task\": \"sh\", \"cases\": [{\"limits\": {\"wall_ms\": 0}}]}",
		"cases[0].limits.wall_ms: 0 is below" },
	/* files */
	{ "{\"task\": \"sh\", \"files\": {}}", "files: expected an array" },
	{ "{\"task\": \"sh\", \"files\": [1]}", "files[0]: expected an object" },
	{ "{\"task\": \"sh\", \"files\": [{\"content\": \"\"}]}", "files[0].name: is missing" },
	{ "{\"task\": \"plain\", \"files\": [{\"content\": \"\"}, {\"content\": \"\"}]}",
		"files[1].name: is missing" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\"}]}", "files[0].content: is missing" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": 1}]}",
		"files[0].content: expected a string" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"\", \"content\": \"\"}]}",
		"files[0].name: is empty" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"/a\", \"content\": \"\"}]}",
		"files[0].name: begins with '/'" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a/../b\", \"content\": \"\"}]}",
		"files[0].name: has a component \"..\"" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\\u0000\", \"content\": \"\"}]}",
		"files[0].name: has a NUL" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\\n\", \"content\": \"\"}]}",
		"files[0].name: has a control character" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\"}, {\"name\": \"a\", "
	  "\"content\": \"\"}]}",
		"files: two have the name \"a\"" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a/b\", \"content\": \"\"}, {\"name\": "
	  "\"a!\", \"content\": \"\"}, "
	  "{\"name\": \"a\", \"content\": \"\"}]}",
		"files: \"a\" is a file, and a directory in \"a/b\"" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\", \"encoding\": "
	  "\"x\"}]}",
		"files[0].encoding: expected" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\", \"encoding\": 1}]}",
		"files[0].encoding: expected a string" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"YQ\", \"encoding\": "
	  "\"base64\"}]}",
		"files[0].content: not base64" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"Y*==\", \"encoding\": "
	  "\"base64\"}]}",
		"files[0].content: not base64 at character 0" },
	{ "{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\", \"executable\": "
	  "1}]}",
		"files[0].executable: expected true or false" },
	/* what is passed to programs */
	{ "{\"task\": \"sh\", \"args\": \"x\"}",
		"args: expected an array of strings, not a string" },
	{ "{\"task\": \"sh\", \"args\": [\"x\", 1]}", "args[1]: expected a string" },
	{ "{\"task\": \"sh\", \"args\": [\"x\\u0000\"]}", "args[0]: has a NUL" },
	{ "{\"task\": \"sh\", \"cases\": [{\"args\": [null]}]}",
		"cases[0].args[0]: expected a string, not null" },
	{ "{\"task\": \"sh\", \"env\": []}", "env: expected an object" },
	{ "{\"task\": \"sh\", \"env\": {\"A\": 1}}", "env.A: expected a string" },
	{ "{\"task\": \"sh\", \"env\": {\"A\": \"\\u0000\"}}", "env.A: has a NUL" },
	{ "{\"task\": \"sh\", \"env\": {\"\": \"x\"}}", "env.: a variable's name" },
	{ "{\"task\": \"sh\", \"env\": {\"A=B\": \"x\"}}", "env.A=B: a variable's name" },
	{ "{\"task\": \"sh\", \"env\": {\"1\": \"x\"}}", "env.1: a variable's name" },
	{ "{\"task\": \"sh\", \"stdin\": 1}", "stdin: expected a string" },
	{ "{\"task\": \"sh\", \"stdin\": {}}", "stdin.content: is missing" },
	{ "{\"task\": \"sh\", \"command\": \"x\"}", "command: expected an array" },
	{ "{\"task\": \"sh\", \"command\": []}", "command: is empty" },
	{ "{\"task\": \"plain\", \"command\": [\"x\"]}",
		"command: task \"plain\" does not take one" },
	{ "{\"task\": \"plain\", \"build\": {\"command\": [\"x\"]}}",
		"build.command: task \"plain\" does not" },
	{ "{\"task\": \"sh\", \"build\": {\"command\": []}}", "build.command: is empty" },
	{ "{\"task\": \"sh\", \"build\": []}", "build: expected an object" },
	/* cases */
	{ "{\"task\": \"sh\", \"cases\": {}}", "cases: expected an array" },
	{ "{\"task\": \"sh\", \"cases\": []}", "cases: is empty" },
	{ "{\"task\": \"sh\", \"cases\": [1]}", "cases[0]: expected an object" },
	{ "{\"task\": \"sh\", \"cases\": [{\"name\": \"\"}]}", "cases[0].name: is empty" },
	{ "{\"task\": \"sh\", \"cases\": [{\"name\": 1}]}", "cases[0].name: expected a string" },
	{ "{\"task\": \"sh\", \"cases\": [{\"expected_stdout\": []}]}",
		"cases[0].expected_stdout: expected a string" },
	/* the rest */
	{ "{\"task\": \"sh\", \"compare\": 1}", "compare: expected a string, not a number" },
	{ "{\"task\": \"sh\", \"compare\": \"loose\"}", "compare: expected \"exact\", \"lines\"" },
	{ "{\"task\": \"sh\", \"compare\": \"checker\"}", "compare: the task has no checker" },
	{ "{\"image\": \"allowed/a\", \"command\": [\"x\"], \"compare\": \"checker\"}",
		"compare: the task has no checker" },
	{ "{\"task\": \"sh\", \"cases\": [{\"compare\": null}]}",
		"cases[0].compare: expected a string, not null" },
	{ "{\"task\": \"sh\", \"cases\": [{}, {\"compare\": \"checker\"}]}",
		"cases[1].compare: the task has no checker" },
	{ "{\"task\": \"sh\", \"stop_on_failure\": 1}", "stop_on_failure: expected true or false" },
	{ "{\"task\": \"sh\", \"network\": 1}", "network: expected true or false" },
	{ "{\"task\": \"plain\", \"network\": true}", "network: the task has no network" },
	{ "{\"task\": \"sh\", \"collect\": \"*\"}", "collect: expected an array" },
	{ "{\"task\": \"sh\", \"collect\": [\"a\", \"[\"]}", "collect[1]: has a '['" },
	{ "{\"task\": \"sh\", \"collect\": [\"../a\"]}", "collect[0]: has a component" },
	{ "{\"task\": \"sh\", \"labels\": []}", "labels: expected an object" },
	{ "{\"task\": \"sh\", \"labels\": {\"a\": 1}}", "labels.a: expected a string" },
	{ "{\"task\": \"sh\", \"labels\": {\"\": \"a\"}}", "labels.: a label's name" },
	{ "{\"task\": \"sh\", \"priority\": -1}", "priority: expected 0 to 9" },
	{ "{\"task\": \"sh\", \"priority\": 10}", "priority: expected 0 to 9" },
	{ "{\"task\": \"sh\", \"priority\": 1.0}", "priority: expected a whole number" },
	{ "{\"task\": \"sh\", \"retention_s\": 0}", "retention_s: expected 1 to 100" },
	{ "{\"task\": \"sh\", \"retention_s\": 101}", "retention_s: expected 1 to 100" },
	{ "{\"task\": \"sh\", \"retention_s\": \"1\"}", "retention_s: expected a whole number" },
};

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct request req;
		struct err err = { 0 };
		int r = parse(refused[i].json, strlen(refused[i].json), &req, &err);

		if (r != -EINVAL ||
			strncmp(err.msg, refused[i].message, strlen(refused[i].message)) != 0)
			fail_msg("%s: %d, '%s', expected '%s'", refused[i].json, r, err.msg,
				refused[i].message);
		request_done(&req);
	}
}

/* A member's value, once as long as may be and once longer. */
static void longest(const char *before, size_t most, const char *after, const char *message)
{
	size_t n = strlen(before) + most + 1 + strlen(after);
	char *json = malloc(n + 1);
	struct request req;
	struct err err;

	assert_non_null(json);
	for (size_t extra = 0; extra < 2; extra++) {
		char *at = stpcpy(json, before);

		memset(at, 'x', most + extra);
		(void)stpcpy(at + most + extra, after);
		if (extra == 0) {
			assert_int_equal(parse(json, strlen(json), &req, &err), 0);
		} else {
			assert_int_equal(parse(json, strlen(json), &req, &err), -EINVAL);
			assert_non_null(strstr(err.msg, message));
		}
		request_done(&req);
	}
	free(json);
}

static void lengths(void **state)
{
	(void)state;
	longest("{\"task\": \"sh\", \"args\": [\"", SPEC_ARG_BYTES, "\"]}",
		"args[0]: has 131072 bytes");
	longest("{\"task\": \"sh\", \"env\": {\"A\": \"", SPEC_ARG_BYTES - 2, "\"}}",
		"env.A: name and value");
	longest("{\"task\": \"sh\", \"files\": [{\"content\": \"\", \"name\": \"", 255, "\"}]}",
		"files[0].name: ");
	longest("{\"task\": \"sh\", \"cases\": [{\"name\": \"", 255, "\"}]}",
		"cases[0].name: has 256 bytes");
	longest("{\"task\": \"sh\", \"labels\": {\"a\": \"", 255, "\"}}",
		"labels.a: has 256 bytes");
}

/* `n` equal elements in a list. */
static int parse_many(const char *before, const char *element, size_t n, struct err *err)
{
	size_t size = strlen(before) + n * (strlen(element) + 1) + 8;
	char *json = malloc(size), *at;
	struct request req;
	int r;

	assert_non_null(json);
	at = stpcpy(json, before);
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, element);
		*at++ = i + 1 < n ? ',' : ']';
	}
	(void)stpcpy(at, "}");
	r = parse(json, strlen(json), &req, err);
	request_done(&req);
	free(json);
	return r;
}

static void counts(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(parse_many("{\"task\":\"sh\",\"cases\":[", "{}", SPEC_CASES_MAX, &err), 0);
	assert_int_equal(parse_many("{\"task\":\"sh\",\"cases\":[", "{}", SPEC_CASES_MAX + 1, &err),
		-EINVAL);
	assert_non_null(strstr(err.msg, "cases: has 1001 elements"));
	assert_int_equal(parse_many("{\"task\":\"sh\",\"args\":[", "\"\"", SPEC_ARGS_MAX, &err), 0);
	assert_int_equal(parse_many("{\"task\":\"sh\",\"args\":[", "\"\"", SPEC_ARGS_MAX + 1, &err),
		-EINVAL);
	assert_int_equal(parse_many("{\"task\":\"sh\",\"collect\":[", "\"a\"", 257, &err), -EINVAL);
}

static void assert_bytes(
	const struct request *req, const struct extent *extent, const void *bytes, size_t n)
{
	assert_int_equal(extent->len, n);
	assert_true(extent->offset + n <= req->input.len);
	if (n > 0)
		assert_memory_equal(req->input.mem + extent->offset, bytes, n);
}

static void all_members_arrive(void **state)
{
	static const char json[] =
		"{\"task\": \"sh\", \"files\": [{\"name\": \"d/a\", \"content\": \"x\\u0000y\"},"
		" {\"name\": \"b\", \"content\": \"AP8=\", \"encoding\": \"base64\", "
		"\"executable\": true}],"
		" \"build\": {\"command\": [\"make\"], \"limits\": {\"wall_ms\": 7}}, \"command\": "
		"[\"/x\"],"
		" \"args\": [\"\", \"-\"], \"stdin\": \"in\", \"env\": {\"A\": \"1=2\"},"
		" \"cases\": [{\"name\": \"one\", \"stdin\": \"\", \"expected_stdout\":"
		" {\"content\": \"YQ==\", \"encoding\": \"base64\"}, \"limits\": {\"cpus\": "
		"0.25}}, {}],"
		" \"stop_on_failure\": true, \"limits\": {\"cpu_ms\": 5}, \"network\": true, "
		"\"collect\": [],"
		" \"labels\": {\"k\": \"v\"}, \"retention_s\": 100, \"priority\": 9}";
	struct request req;
	struct blob packed;
	struct spec again;
	struct err err;

	(void)state;
	assert_int_equal(parse(json, strlen(json), &req, &err), 0);
	assert_int_equal(req.spec.n_files, 2);
	assert_bytes(&req, &req.spec.files[0].data, "x\0y", 3);
	assert_bytes(&req, &req.spec.files[1].data, "\0\xff", 2);
	assert_true(req.spec.files[1].executable);
	assert_bytes(&req, &req.spec.stdin_, "in", 2);
	assert_true(req.spec.has_build);
	assert_int_equal(req.spec.build_limits.v[LIMIT_WALL], 7);
	assert_string_equal(req.spec.args.v[0], "");
	assert_string_equal(req.spec.env.v[0], "A=1=2");
	assert_true(req.spec.cases[0].has_stdin);
	assert_bytes(&req, &req.spec.cases[0].stdin_, "", 0);
	assert_bytes(&req, &req.spec.cases[0].expected, "a", 1);
	assert_int_equal(req.spec.cases[0].limits.v[LIMIT_CPUS], 250);
	assert_int_equal(req.spec.cases[0].limits.v[LIMIT_CPU], LIMIT_UNSET);
	assert_false(req.spec.cases[1].has_stdin);
	assert_null(req.spec.cases[1].name);
	assert_true(req.spec.stop_on_failure);
	assert_int_equal(req.spec.limits.v[LIMIT_CPU], 5);
	assert_true(req.spec.network && req.spec.has_collect);
	assert_string_equal(req.spec.labels.v[1], "v");
	assert_int_equal(req.retention_s, 100);
	assert_int_equal(req.priority, 9);
	/* and what the gateway takes, the queue takes */
	assert_int_equal(spec_pack(&req.spec, &packed, &err), 0);
	assert_int_equal(
		spec_unpack(packed.data, (size_t)packed.len, req.input.len, &again, &err), 0);
	spec_done(&again);
	blob_done(&packed);
	request_done(&req);
}

static void the_first_file_has_the_tasks_name(void **state)
{
	static const char json[] = "{\"task\": \"plain\", \"files\": [{\"content\": \"x\"}]}";
	struct request req;
	struct err err;

	(void)state;
	assert_int_equal(parse(json, strlen(json), &req, &err), 0);
	assert_string_equal(req.spec.files[0].name, "main.c");
	assert_int_equal(req.retention_s, -1);
	assert_int_equal(req.priority, 0);
	request_done(&req);
}

static void an_allowed_image(void **state)
{
	static const char json[] = "{\"image\": \"allowed/a:1\", \"command\": [\"/x\"]}";
	struct request req;
	struct err err;

	(void)state;
	assert_int_equal(parse(json, strlen(json), &req, &err), 0);
	assert_string_equal(req.spec.image, "allowed/a:1");
	assert_string_equal(req.spec.task, "");
	request_done(&req);
}

/* No beginning of a good request is good, none does harm. */
static void every_cut(void **state)
{
	static const char json[] =
		"{\"task\": \"sh\", \"files\": [{\"name\": \"a\", \"content\": \"\\u00e9\"}],"
		" \"limits\": {\"cpus\": 1.5}, \"cases\": [{\"args\": [\"x\"]}]}";

	(void)state;
	for (size_t n = 0; n < sizeof(json) - 1; n++) {
		char *cut = malloc(n + 1); /* so that a read behind the end is noticed */
		struct request req;
		struct err err;

		assert_non_null(cut);
		memcpy(cut, json, n);
		assert_int_equal(parse(cut, n, &req, &err), -EINVAL);
		request_done(&req);
		free(cut);
	}
}

static void classic_data(void **state)
{
	char *data = malloc(SPEC_ARG_BYTES + 1);
	struct request req;
	struct err err;

	(void)state;
	assert_non_null(data);
	memset(data, 'x', SPEC_ARG_BYTES + 1);
	for (size_t n = 0; n <= SPEC_ARG_BYTES; n += SPEC_ARG_BYTES) {
		request_init(&req);
		assert_int_equal(request_classic(config, data, n, &req, &err), 0);
		assert_int_equal(strlen(req.spec.args.v[0]), n);
		request_done(&req);
	}
	request_init(&req);
	assert_int_equal(request_classic(config, data, SPEC_ARG_BYTES + 1, &req, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "131071"));
	assert_int_equal(request_classic(config, "a\0b", 3, &req, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "NUL"));
	request_done(&req);
	free(data);
}

static void places_in_a_text(void **state)
{
	static const char json[] = "{\"a\": [1, {\"b\\\"\": [[], {}, \"x,y\"]}], \"c\": 2}";
	static const struct {
		const char *before; /* the parser stopped `more` bytes behind where this begins */
		size_t more;
		const char *path;
	} table[] = { { "{", 1, "" }, { "1,", 1, "a[0]" }, { "{\"b", 1, "a[1]" },
		{ "[[]", 2, "a[1].b\\\"[0]" }, { "{},", 2, "a[1].b\\\"[1]" },
		{ "x,y", 3, "a[1].b\\\"[2]" }, { "2}", 1, "c" } };
	char path[JSON_WHERE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *at = strstr(json, table[i].before);

		assert_non_null(at);
		json_where(json, strlen(json), (size_t)(at - json) + table[i].more, path);
		assert_string_equal(path, table[i].path);
	}
	json_where(json, strlen(json), 1000000, path);
	assert_string_equal(path, "");
}

/* Each has its price, whatever comes of it; commas within a string are none. */
static void more_values_than_any_job_has(void **state)
{
	const size_t n = JSON_READ_PARTS_MAX;
	char *json = malloc(3 * n);
	struct request req;
	struct err err;
	size_t len;

	(void)state;
	assert_non_null(json);
	len = (size_t)sprintf(json, "{\"task\": \"sh\", \"args\": [");
	memset(json + len, ',', n);
	assert_int_equal(parse(json, len + n, &req, &err), -EMSGSIZE);
	assert_non_null(strstr(err.msg, "200000 names and values"));
	request_done(&req);

	len = (size_t)sprintf(json, "{\"task\": \"sh\", \"stdin\": \"\\\\\\\"");
	memset(json + len, ',', 2 * n);
	len += 2 * n;
	len += (size_t)sprintf(json + len, "\\\\\"}");
	assert_int_equal(parse(json, len, &req, &err), 0);
	assert_int_equal(req.spec.stdin_.len, 2 * n + 3);
	request_done(&req);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(lengths),
		cmocka_unit_test(counts),
		cmocka_unit_test(more_values_than_any_job_has),
		cmocka_unit_test(all_members_arrive),
		cmocka_unit_test(the_first_file_has_the_tasks_name),
		cmocka_unit_test(an_allowed_image),
		cmocka_unit_test(every_cut),
		cmocka_unit_test(classic_data),
		cmocka_unit_test(places_in_a_text),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
