/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/role.h"

#define TASK(lines) "task \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n" lines "\n}\n"

struct reports {
	char text[20000];
	size_t n;
};

static void collect(const char *line, void *arg)
{
	struct reports *r = arg;
	size_t used = strlen(r->text);

	(void)snprintf(r->text + used, sizeof(r->text) - used, "%s\n", line);
	r->n++;
}

static struct config *parsed(const char *text)
{
	struct config *config = NULL;
	struct reports reports = { 0 };
	struct err err = { 0 };

	if (config_parse(text, "t.conf", collect, &reports, &config, &err) < 0)
		fail_msg("%s", reports.text);
	return config;
}

static void defaults_are_the_documented_ones(void **state)
{
	struct config *c = parsed("");

	(void)state;
	assert_string_equal(c->state_dir, "/var/lib/dockgate");
	assert_int_equal(c->listen.n, 1);
	assert_string_equal(c->listen.v[0], "127.0.0.1:8080");
	assert_int_equal(c->body_json_max, 16 * MIB);
	assert_int_equal(c->body_multipart_max, 256 * MIB);
	assert_int_equal(c->waiting_max, 10000);
	assert_int_equal(c->attempts, 3);
	assert_int_equal(c->retention_s, 600);
	assert_int_equal(c->lease_ms, 15000);
	assert_int_equal(c->wait_max_s, 300);
	assert_int_equal(c->n_tasks, 0);
	assert_string_equal(c->socket_dir, "/run/dockgate");
	assert_null(config_task(c, "python"));
	config_free(c);
}

static void images_of_requests_are_globs(void **state)
{
	struct config *c = parsed("images_allowed = { \"judge/[a-c]*:1\", \"odd/\\\\*\" }\n");

	(void)state;
	assert_true(config_image_allowed(c, "judge/bee/x:1"));
	assert_false(config_image_allowed(c, "judge/dee:1"));
	assert_false(config_image_allowed(c, "xjudge/a:1"));
	assert_true(config_image_allowed(c, "odd/*"));
	assert_false(config_image_allowed(c, "odd/x"));
	config_free(c);
}

static void a_task_is_read_whole(void **state)
{
	struct config *c = parsed(
		"retention_s = 30\n"
		"queueing_ids = full\n"
		"defaults { limits { cpu_ms = 500 } ceilings { cpus = 2 } }\n"
		"task \"py\" {\n"
		" description = 'runs \"it\"'\n image = \"dockgate/python:1\"\n"
		" command = {\"python3\", \"{main}\"}\n main = \"main.py\"\n sources = { \"*.py\" "
		"}\n"
		" env = { \"A=b c\" }\n network = true\n gpus = all\n on_output_limit = kill\n"
		" compare = tokens\n warm = 7\n collect = { \"out/*.png\", \"data/*.csv\" }\n"
		" collect_bytes = 3M\n concurrency = 2\n"
		" limits { memory_bytes = 1G wall_ms = 900 cpus = 0.5 }\n"
		" build_limits { memory_bytes = 512MiB }\n"
		" ceilings { wall_ms = 1000 }\n"
		" mount { source = \"/srv/x\" target = \"/workspace/upload\" }\n"
		" mount { source = \"vol\" target = \"/data\" writable = yes }\n"
		" result \"a\" { lines = 3 }\n result \"b\" { lines = \"2-9\" }\n"
		"}\n");
	const struct task *t = config_task(c, "py");

	(void)state;
	assert_non_null(t);
	assert_true(c->queueing_ids_full);
	assert_string_equal(t->description, "runs \"it\"");
	assert_int_equal(t->command.n, 2);
	assert_string_equal(t->command.v[1], "{main}");
	assert_string_equal(t->env.v[0], "A=b c");
	assert_true(t->network);
	assert_true(t->kill_on_output);
	assert_int_equal(t->compare, COMPARE_TOKENS);
	assert_int_equal(t->isolation, ISOLATION_CONTAINER);
	assert_int_equal(t->warm, 7);
	assert_int_equal(t->warm_max, 7);
	assert_int_equal(t->concurrency, 2);
	assert_int_equal(t->retention_s, 30);
	assert_string_equal(t->collect.v[1], "data/*.csv");
	assert_int_equal(t->collect_bytes, 3 * MIB);
	assert_int_equal(t->limits.v[LIMIT_MEMORY], 1024 * MIB);
	assert_int_equal(t->limits.v[LIMIT_WALL], 900);
	assert_int_equal(t->limits.v[LIMIT_CPUS], 500);
	assert_int_equal(t->limits.v[LIMIT_CPU], 500);
	assert_int_equal(t->limits.v[LIMIT_FILES], limit_default(LIMIT_FILES));
	assert_int_equal(t->build_limits.v[LIMIT_MEMORY], 512 * MIB);
	assert_int_equal(
		t->build_limits.v[LIMIT_WALL], 1000); /* the default gives way to the ceiling */
	assert_int_equal(t->ceilings.v[LIMIT_WALL], 1000);
	assert_int_equal(t->ceilings.v[LIMIT_CPUS], 2000);
	assert_int_equal(t->n_mounts, 2);
	assert_string_equal(t->mounts[0].target, "/workspace/upload");
	assert_false(t->mounts[0].writable);
	assert_true(t->mounts[1].writable);
	assert_int_equal(t->n_fields, 2);
	assert_string_equal(t->fields[0].name, "a");
	assert_int_equal(t->fields[0].first, 3);
	assert_false(t->fields[0].list);
	assert_int_equal(t->fields[1].last, 9);
	assert_true(t->fields[1].list);
	config_free(c);
}

static void a_checker_is_a_task_of_its_own(void **state)
{
	struct config *c =
		parsed(TASK("network = true\nbuild_cache = client\nwarm = 3\n"
			    "mount { source = \"vol\" target = \"/a\" writable = true }\n"
			    "mount { source = \"/srv\" target = \"/b\" }\n"
			    "limits { wall_ms = 500 }\n"
			    "checker { command = { \"/bin/check\", \"-v\" } limits { "
			    "cpu_ms = 70 } }"));
	const struct task *t = &c->tasks[0];

	(void)state;
	assert_int_equal(t->compare, COMPARE_CHECKER);
	assert_int_equal(t->build_cache, BUILD_CACHE_CLIENT);
	assert_non_null(t->checker);
	assert_string_equal(t->checker->image, t->image);
	assert_string_equal(t->checker->command.v[1], "-v");
	assert_int_equal(t->checker->limits.v[LIMIT_CPU], 70);
	assert_int_equal(t->checker->limits.v[LIMIT_WALL], limit_default(LIMIT_WALL));
	assert_false(t->checker->network);
	assert_int_equal(t->checker->n_mounts, 1);
	assert_string_equal(t->checker->mounts[0].target, "/b");
	assert_int_equal(t->checker->warm, 3);
	config_free(c);
	c = parsed(TASK("compare = lines\nchecker { command = { \"/c\" } }"));
	assert_int_equal(c->tasks[0].compare, COMPARE_LINES);
	config_free(c);
}

static void the_classic_result_is_the_default(void **state)
{
	struct config *c = parsed(TASK(""));
	const struct task *t = &c->tasks[0];

	(void)state;
	assert_int_equal(t->n_fields, 2);
	assert_string_equal(t->fields[0].name, "field1");
	assert_string_equal(t->fields[1].name, "field2");
	assert_int_equal(t->fields[1].first, 2);
	assert_int_equal(t->fields[1].last, 4);
	assert_int_equal(t->classic_data_line, 5);
	config_free(c);
}

/* Each text has one mistake, and its report begins with the line and says what was expected. */
static const struct {
	const char *text;
	const char *report;
} mistakes[] = {
	{ "lisen = 1\n", "t.conf:1: unknown key 'lisen'; expected one of: state_dir, listen" },
	{ "\nattempts = many\n",
		"t.conf:2: attempts: expected a number from 1 to 100, got \"many\"" },
	{ "attempts = 0\n", "t.conf:1: attempts: expected a number from 1 to 100, got \"0\"" },
	{ "attempts = 99999999999999999999\n", "t.conf:1: attempts: expected" },
	{ "body_json_max = 12X\n", "t.conf:1: body_json_max: expected a number of bytes" },
	{ "cpus_budget = 1.2345\n", "t.conf:1: cpus_budget: expected a number such as 0.5 or 2" },
	{ "listen = { \"127.0.0.1:80\",\n \"nowhere\" }\n",
		"t.conf:2: listen: expected \"ADDRESS:PORT\"" },
	{ "listen = { \"127.0.0.1:0\" }\n", "t.conf:1: listen: expected" },
	{ "listen = { \"[::1:80\" }\n", "t.conf:1: listen: expected" },
	{ "log_level = loud\n",
		"t.conf:1: log_level: expected one of: error, warning, info, debug" },
	{ "queueing_ids = some\n", "t.conf:1: queueing_ids: expected one of: short, full" },
	{ "state_dir = here\n", "t.conf:1: state_dir: expected an absolute path" },
	{ "state_dir = \"/a/../b\"\n", "t.conf:1: state_dir: expected an absolute path" },
	{ "driver_uid = 0\n", "t.conf:1: driver_uid: 0 is root" },
	{ "driver_uid = 7\nqueue_uid = 7\n", "t.conf:2: queue_uid and driver_uid are both 7" },
	{ "docker_host = \"http://x\"\n", "t.conf:1: docker_host: expected \"unix:///PATH\"" },
	{ "classic_task = nope\n", "t.conf:1: classic_task: there is no task \"nope\"" },
	{ "origins = { \"example.org\" }\n", "t.conf:1: origins: expected" },
	{ "attempts\n", "t.conf:" },
	{ "attempts = 3 }\n", "t.conf:1: " },
	{ "task \"t\" {\n", "t.conf:1: \"{\" without its" },
	{ "# it's\nslots = x # no {\n", "t.conf:2: slots" },
	{ "/* a\n { b */ // {\nslots = x\n", "t.conf:3: slots" },
	{ "node = \"abc\nslots = 3\n", "t.conf:3: premature end" },
	{ "tasks \"t\" { }\n", "t.conf:1: unknown key or section 'tasks'" },
	{ "task \"t\" { command = {\"a\"} }\n", "t.conf:1: task \"t\": expected image" },
	{ "task \"t\" { image = \"a\" }\n", "t.conf:1: task \"t\": expected command" },
	{ "task \"T\" { image = \"a\" command = {\"a\"} }\n",
		"t.conf:1: task \"T\": expected a name" },
	{ TASK("") TASK(""), "t.conf:6: a second section with the name 't'" },
	{ TASK("cpu_ms = 5"), "t.conf:4: unknown key 'cpu_ms'; expected one of: " },
	{ TASK("limits { cpu = 5 }"),
		"t.conf:4: unknown key 'cpu'; expected one of: cpu_ms, wall_ms" },
	{ TASK("limits { cpu_ms = 0 }"), "t.conf:4: cpu_ms: expected a number from 1 to" },
	{ TASK("limits { cpu_ms = -1 }"), "t.conf:4: cpu_ms: expected a number from 1 to" },
	{ TASK("limits {\n memory_bytes = 2G }\nceilings { memory_bytes = 1G }"),
		"t.conf:5: limits: memory_bytes: 2147483648 is above the ceiling, 1073741824" },
	{ TASK("build_limits { wall_ms = 2000000 }"),
		"t.conf:4: build_limits: wall_ms: 2000000 is above" },
	{ TASK("isolation = sandbox\nnetwork = true"),
		"t.conf:5: network: cannot go with isolation = sandbox" },
	{ TASK("isolation = sandbox\ngpus = all"), "t.conf:5: gpus: cannot go" },
	{ TASK("gpus = \"0,0\""), "t.conf:4: gpus" },
	{ TASK("gpus = \"\""), "t.conf:4: gpus" },
	{ TASK("gpus_shared = true"), "t.conf:4: gpus_shared: expected gpus" },
	{ "gpus = {\"0\"}\n" TASK("gpus = 2"), "t.conf:5: gpus: 2; this machine's gpus are 1" },
	{ "gpus = {\"0\"}\n" TASK("gpus = \"0,1\""), "t.conf:5: gpus: \"0,1\" has a device" },
	{ "gpus = {\"0\", \"0\"}\n" TASK(""), "t.conf:1: gpus: expected at most 64" },
	{ "gpus = {\"a b\"}\n" TASK(""), "t.conf:1: gpus" },
	{ "gpu_cdi = \"nvidia\"\n" TASK(""), "t.conf:1: gpu_cdi" },
	{ TASK("isolation = sandbox\nwritable_root = true"), "t.conf:5: writable_root: cannot go" },
	{ TASK("isolation = sandbox\nmount {\n source = \"/a\"\n target = \"/tmp/a\" }"),
		"t.conf:7: mount: /tmp/a: cannot go with isolation = sandbox" },
	{ TASK("isolation = sandbox\nmount {\n source = a1\n target = \"/a\"\n writable = true }"),
		"t.conf:8: mount: writable: cannot go with isolation = sandbox" },
	{ TASK("isolation = vm"),
		"t.conf:4: isolation: expected one of: container, sandbox, got \"vm\"" },
	{ TASK("network = maybe"), "t.conf:4: network: expected true or false" },
	{ TASK("compare = fuzzy"),
		"t.conf:4: compare: expected one of: exact, lines, tokens, checker" },
	{ TASK("compare = checker"), "t.conf:4: compare: there is no checker" },
	{ TASK("build_cache = yes"), "t.conf:4: build_cache: expected one of: off, client, task" },
	{ TASK("checker { }"), "t.conf:4: checker: expected command" },
	{ TASK("checker { command = {\"/c\"}\n network = true }"),
		"t.conf:5: unknown key 'network'" },
	{ TASK("checker { command = {\"/c\"} limits { cpu_ms = 0 } }"),
		"t.conf:4: cpu_ms: expected" },
	{ TASK("checker { command = {\"/c\"} limits { cpu_ms = 700000 } }"),
		"t.conf:4: limits: cpu_ms: 700000 is above the ceiling" },
	{ TASK("on_output_limit = stop"), "t.conf:4: on_output_limit: expected one of: cut, kill" },
	{ TASK("mount { source = \"/srv\" target = \"/x\" writable = true }"),
		"t.conf:4: mount: /srv: a directory of the host cannot be writable" },
	{ TASK("mount { source = \"/srv\" }"),
		"t.conf:4: mount: expected source = ... and target" },
	{ TASK("mount { source = \"a b\" target = \"/x\" }"), "t.conf:4: source: expected" },
	{ TASK("collect = { \"/etc/*\" }"), "t.conf:4: collect: expected a pattern" },
	{ TASK("collect = { \"a/../b\" }"), "t.conf:4: collect: expected a pattern" },
	{ TASK("collect = { \"a[b\" }"), "t.conf:4: collect: expected a pattern" },
	{ TASK("sources = { \"\" }"), "t.conf:4: sources: expected a pattern" },
	{ TASK("env = { \"1A=x\" }"), "t.conf:4: env: expected \"NAME=value\"" },
	{ TASK("main = \"../x\""), "t.conf:4: main: expected a file's name" },
	{ TASK("warm = 5\nwarm_max = 2"), "t.conf:5: warm_max: 2 is below warm, 5" },
	{ TASK("result \"r\" { lines = \"4-2\" }"), "t.conf:4: lines: expected a line's number" },
	{ TASK("result \"r\" { }"), "t.conf:4: result \"r\": expected lines" },
	{ TASK("example = \"echo ${HOME}\""), "t.conf:4: \"${\": variables are not filled in" },
};

static void each_mistake_is_named_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct reports reports = { 0 };
		struct config *c = NULL;
		struct err err = { 0 };

		assert_int_equal(
			config_parse(mistakes[i].text, "t.conf", collect, &reports, &c, &err),
			-EINVAL);
		assert_null(c);
		if (reports.n != 1 ||
			strncmp(reports.text, mistakes[i].report, strlen(mistakes[i].report)) != 0)
			fail_msg("for\n%s\nexpected one report: %s\ngot %zu: %s", mistakes[i].text,
				mistakes[i].report, reports.n, reports.text);
		assert_memory_equal(err.msg, reports.text, strlen(mistakes[i].report));
	}
}

/* Those that `serve` can hand over, and not one more. */
static void addresses_are_counted(void **state)
{
	char text[1000] = "listen = { \"127.0.0.1:1\"";
	struct reports reports = { 0 };
	struct config *c = NULL;
	struct err err = { 0 };
	size_t n = strlen(text);

	(void)state;
	for (int port = 2; port <= ROLE_ADDRESSES_MAX; port++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", \"127.0.0.1:%d\"", port);
	(void)snprintf(text + n, sizeof(text) - n, " }\n");
	c = parsed(text);
	assert_int_equal(c->listen.n, ROLE_ADDRESSES_MAX);
	config_free(c);
	c = NULL;
	(void)snprintf(text + n, sizeof(text) - n, ", \"[::1]:1\" }\n");
	assert_int_equal(config_parse(text, "t.conf", collect, &reports, &c, &err), -EINVAL);
	assert_string_equal(reports.text, "t.conf:1: listen: 29 addresses; expected at most 28\n");
}

static void all_mistakes_are_reported_at_once(void **state)
{
	struct reports reports = { 0 };
	struct config *c = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
		config_parse("attempts = 0\nfoo = 1\nfoo = 2\nbar = {1, 2}\n"
			     "task \"t\" { image = \"a b\" baz = 3\n limits { qux = 1 } }\n"
			     "slots = x\n",
			"t.conf", collect, &reports, &c, &err),
		-EINVAL);
	assert_non_null(strstr(reports.text, "t.conf:1: attempts"));
	assert_non_null(strstr(reports.text, "unknown key 'foo'"));
	assert_non_null(strstr(reports.text, "t.conf:4: unknown key 'bar'"));
	assert_non_null(strstr(reports.text, "t.conf:5: image"));
	assert_non_null(strstr(reports.text, "t.conf:5: unknown key 'baz'"));
	assert_non_null(strstr(reports.text, "t.conf:6: unknown key 'qux'"));
	assert_non_null(strstr(reports.text, "t.conf:7: slots"));
	assert_int_equal(reports.n, 7);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static char *temp_dir(void)
{
	char *dir = strdup("/tmp/dockgate-config-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static void remove_dir(char *dir)
{
	char command[400];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	free(dir);
}

static void included_files_keep_their_places(void **state)
{
	char *dir = temp_dir();
	struct reports reports = { 0 };
	struct config *c = NULL;
	struct err err = { 0 };
	char path[300];
	char expected[400];

	(void)state;
	put_file(dir, "main.conf",
		"# include(\"nothing.conf\")\nslots = 5\ninclude(\"inner.conf\")\nattempts = 0\n");
	put_file(dir, "inner.conf", "\n\n" TASK("warm = -1"));
	(void)snprintf(path, sizeof(path), "%s/main.conf", dir);
	assert_int_equal(config_load(path, collect, &reports, &c, &err), -EINVAL);
	assert_int_equal(reports.n, 2);
	(void)snprintf(expected, sizeof(expected), "%s/main.conf:4: attempts", dir);
	assert_non_null(strstr(reports.text, expected));
	(void)snprintf(expected, sizeof(expected), "%s/inner.conf:6: warm", dir);
	assert_non_null(strstr(reports.text, expected));
	put_file(dir, "inner.conf", "include(\"main.conf\")\n");
	assert_int_equal(config_load(path, NULL, NULL, &c, &err), -ELOOP);
	put_file(dir, "inner.conf", "include(\"missing.conf\")\n");
	assert_int_equal(config_load(path, NULL, NULL, &c, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "missing.conf"));
	remove_dir(dir);
}

static void the_text_gives_the_same_configuration(void **state)
{
	char *dir = temp_dir();
	struct config *a = NULL;
	struct config *b = NULL;
	struct err err = { 0 };
	char *text = NULL;
	char path[300];

	(void)state;
	put_file(dir, "main.conf", "slots = 5\ninclude('inner.conf')\n");
	put_file(dir, "inner.conf", TASK("example = \"say 'a' # b\""));
	(void)snprintf(path, sizeof(path), "%s/main.conf", dir);
	assert_int_equal(setenv("DOCKGATE_ATTEMPTS", "9", 1), 0);
	assert_int_equal(setenv("DOCKGATE_LISTEN", "127.0.0.1:1,[::1]:2", 1), 0);
	assert_int_equal(setenv("DOCKGATE_NODE", "it's", 1), 0);
	assert_int_equal(setenv("DOCKGATE_STATE_DIR", "./run", 1), 0);
	assert_int_equal(config_load(path, NULL, NULL, &a, &err), 0);
	assert_int_equal(config_text(path, &text, &err), 0);
	assert_int_equal(unsetenv("DOCKGATE_ATTEMPTS"), 0);
	assert_int_equal(unsetenv("DOCKGATE_LISTEN"), 0);
	assert_int_equal(unsetenv("DOCKGATE_NODE"), 0);
	assert_int_equal(unsetenv("DOCKGATE_STATE_DIR"), 0);
	assert_int_equal(config_parse(text, "text", NULL, NULL, &b, &err), 0);
	assert_int_equal(a->attempts, 9);
	assert_int_equal(b->attempts, 9);
	assert_int_equal(b->slots, 5);
	assert_int_equal(b->listen.n, 2);
	assert_string_equal(b->listen.v[1], "[::1]:2");
	assert_string_equal(b->node, "it's");
	assert_int_equal(b->state_dir[0], '/');
	assert_string_equal(b->tasks[0].example, "say 'a' # b");
	assert_true(a->generation == b->generation);
	config_free(b);
	b = parsed("slots = 5\n");
	assert_false(a->generation == b->generation);
	config_free(a);
	config_free(b);
	free(text);
	remove_dir(dir);
}

static void keep_name(const char *name, void *arg)
{
	(void)snprintf(arg, 100, "%s", name);
}

static void variables_that_nothing_knows_are_named(void **state)
{
	char name[100] = "";

	(void)state;
	assert_int_equal(setenv("DOCKGATE_SLOTS", "4", 1), 0);
	assert_int_equal(setenv("DOCKGATE_TOKEN", "t", 1), 0);
	config_env_unknown(keep_name, name);
	assert_string_equal(name, "");
	assert_int_equal(setenv("DOCKGATE_SLOT", "4", 1), 0);
	config_env_unknown(keep_name, name);
	assert_string_equal(name, "DOCKGATE_SLOT");
	assert_int_equal(unsetenv("DOCKGATE_SLOT"), 0);
	assert_int_equal(unsetenv("DOCKGATE_SLOTS"), 0);
	assert_int_equal(unsetenv("DOCKGATE_TOKEN"), 0);
}

static void the_environment_is_named_in_mistakes(void **state)
{
	char *dir = temp_dir();
	struct config *c = NULL;
	struct err err = { 0 };
	char path[300];

	(void)state;
	put_file(dir, "main.conf", "");
	(void)snprintf(path, sizeof(path), "%s/main.conf", dir);
	assert_int_equal(setenv("DOCKGATE_SLOTS", "x", 1), 0);
	assert_int_equal(config_load(path, NULL, NULL, &c, &err), -EINVAL);
	assert_int_equal(unsetenv("DOCKGATE_SLOTS"), 0);
	assert_string_equal(err.msg,
		"environment DOCKGATE_SLOTS: slots: expected a number from 0 to 10000, got \"x\"");
	remove_dir(dir);
}

static void a_missing_file_is_a_mistake(void **state)
{
	struct config *c = NULL;
	struct err err = { 0 };
	struct reports reports = { 0 };

	(void)state;
	assert_int_equal(config_load("/nonexistent/x.conf", collect, &reports, &c, &err), -ENOENT);
	assert_int_equal(reports.n, 1);
	assert_non_null(strstr(reports.text, "/nonexistent/x.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_that_nothing_knows_are_named),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(images_of_requests_are_globs),
		cmocka_unit_test(a_task_is_read_whole),
		cmocka_unit_test(a_checker_is_a_task_of_its_own),
		cmocka_unit_test(the_classic_result_is_the_default),
		cmocka_unit_test(each_mistake_is_named_with_its_place),
		cmocka_unit_test(addresses_are_counted),
		cmocka_unit_test(all_mistakes_are_reported_at_once),
		cmocka_unit_test(included_files_keep_their_places),
		cmocka_unit_test(the_text_gives_the_same_configuration),
		cmocka_unit_test(the_environment_is_named_in_mistakes),
		cmocka_unit_test(a_missing_file_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
