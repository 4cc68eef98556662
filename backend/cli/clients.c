/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "client.h"
#include "common/cleanup.h"
#include "common/client.h"
#include "common/number.h"

static const char usage[] =
	"Usage: dockgate client add NAME [OPTION...]\n"
	"       dockgate client list [OPTION...]\n"
	"       dockgate client revoke NAME... [OPTION...]\n\n"
	"Whom the service knows by a token; for operators. `add` prints the new token, once.\n\n"
	"  --weight N       of its fair share, 1 to 1000 (default 1)\n"
	"  --max-running N  its jobs that run at one time\n"
	"  --max-queued N   its jobs that wait\n"
	"  --rate R         submits in a second, e.g. 0.5\n"
	"  --burst N        submits at once, above that rate\n"
	"  --max-bytes B    of its finished jobs that are kept; K, M, G and T may follow\n"
	"  --task NAME      that it may use, again and again (default: all)\n"
	"  --operator       it sees and cancels the jobs of all, and manages clients\n" CLI_HELP;

enum {
	OPT_WEIGHT = OPT_OWN,
	OPT_MAX_RUNNING,
	OPT_MAX_QUEUED,
	OPT_RATE,
	OPT_BURST,
	OPT_MAX_BYTES,
	OPT_TASK,
	OPT_OPERATOR
};

#define TIB (INT64_C(1) << 40)

static const struct {
	int opt;
	const char *option, *member;
	int64_t min, max;
} numbers[] = {
	{ OPT_WEIGHT, "--weight", "weight", 1, CLIENT_WEIGHT_MAX },
	{ OPT_MAX_RUNNING, "--max-running", "max_running", 0, CLIENT_JOBS_MAX },
	{ OPT_MAX_QUEUED, "--max-queued", "max_queued", 0, CLIENT_JOBS_MAX },
	{ OPT_BURST, "--burst", "burst", 0, CLIENT_BURST_MAX },
	{ OPT_MAX_BYTES, "--max-bytes", "max_bytes", 0, 64 * TIB },
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "-";
}

/* ---- add -------------------------------------------------------------------------------- */

static void print_token(const json_t *reply)
{
	(void)printf("%s\n", text_of(reply, "token"));
	(void)fprintf(stderr,
		"This is the token of client '%s'. It is not shown again: keep it in a file that "
		"only "
		"its user can read.\n",
		text_of(reply, "name"));
}

static int add(struct client *client, const struct cli *cli, json_t *body)
{
	json_t *reply = NULL;
	struct err err;
	int ret = 0;

	if (client_call(client, "POST", "/v1/clients", body, &reply, &err) < 0)
		ret = cli_fail(1, "%s", err.msg);
	else if (cli->json)
		ret = cli_print_json(reply);
	else
		print_token(reply);
	json_decref(reply);
	return ret;
}

/* ---- list ------------------------------------------------------------------------------- */

/* A bound, "-" for none. */
static const char *bound_of(const json_t *row, const char *name, char *ret, size_t size)
{
	const json_t *value = json_object_get(row, name);

	if (json_is_integer(value))
		(void)snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		(void)snprintf(ret, size, "%g", json_real_value(value));
	else
		(void)snprintf(ret, size, "-");
	return ret;
}

static void print_tasks(const json_t *tasks)
{
	const json_t *task;
	size_t i;

	if (!json_is_array(tasks))
		(void)fputs("all", stdout);
	json_array_foreach(tasks, i, task)
	{
		(void)printf("%s%s", i > 0 ? "," : "", json_string_value(task));
	}
}

static void print_clients(const json_t *reply)
{
	static const char *const columns[] = { "weight", "queued", "max_queued", "running",
		"max_running", "rate", "burst" };
	const json_t *row;
	char text[40];
	size_t i;

	(void)printf("%-20s %-6s %-7s %-10s %-7s %-11s %-6s %-6s %-4s %-24s %s\n", "NAME", "WEIGHT",
		"QUEUED", "MAX_QUEUED", "RUNNING", "MAX_RUNNING", "RATE", "BURST", "ROLE",
		"LAST_USED", "TASKS");
	json_array_foreach(json_object_get(reply, "clients"), i, row)
	{
		static const int widths[] = { 6, 7, 10, 7, 11, 6, 6 };

		(void)printf("%-20s", text_of(row, "name"));
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			(void)printf(
				" %-*s", widths[c], bound_of(row, columns[c], text, sizeof(text)));
		(void)printf(" %-4s %-24s ",
			json_is_true(json_object_get(row, "operator")) ? "op" : "-",
			text_of(row, "last_used_at"));
		print_tasks(json_object_get(row, "tasks"));
		(void)putchar('\n');
	}
}

/* ---- revoke ----------------------------------------------------------------------------- */

static int revoke_one(struct client *client, const char *name)
{
	cleanup_free char *escaped = client_escape(client, name);
	char path[400];
	json_t *reply = NULL;
	struct err err;
	int ret = 0;

	if (strlen(name) > CLIENT_NAME_MAX || strchr(name, '/') != NULL)
		return cli_fail(1, "'%s': no such client", name);
	(void)snprintf(path, sizeof(path), "/v1/clients/%s", escaped == NULL ? "" : escaped);
	if (client_call(client, "DELETE", path, NULL, &reply, &err) < 0)
		ret = cli_fail(1, "'%s': %s", name, err.msg);
	json_decref(reply);
	return ret;
}

static int revoke_all(struct client *client, char **names)
{
	int ret = 0;

	for (; *names != NULL; names++)
		if (revoke_one(client, *names) != 0)
			ret = 1;
	return ret;
}

/* ---- options ---------------------------------------------------------------------------- */

static int put_number(json_t *body, size_t i, const char *text)
{
	int64_t n;
	bool fine = numbers[i].opt == OPT_MAX_BYTES
			    ? number_parse_bytes(text, numbers[i].min, numbers[i].max, &n)
			    : number_parse(text, numbers[i].min, numbers[i].max, &n);

	if (!fine)
		return cli_fail(EXIT_USAGE, "%s: expected a number from %lld to %lld, got '%s'",
			numbers[i].option, (long long)numbers[i].min, (long long)numbers[i].max,
			text);
	(void)json_object_set_new(body, numbers[i].member, json_integer(n));
	return 0;
}

static int put_rate(json_t *body, const char *text)
{
	int64_t n;

	if (!number_parse_thousandths(text, 0, CLIENT_RATE_MAX, &n))
		return cli_fail(EXIT_USAGE,
			"--rate: expected 0 to 1000000, three decimals, got '%s'", text);
	(void)json_object_set_new(body, "rate", json_real((double)n / 1000));
	return 0;
}

static void put_task(json_t *body, const char *name)
{
	json_t *tasks = json_object_get(body, "tasks");

	if (tasks == NULL) {
		tasks = json_array();
		(void)json_object_set_new(body, "tasks", tasks);
	}
	(void)json_array_append_new(tasks, json_string(name));
}

/* 0: it was one of ours; -1: it was not; else an exit code. */
static int put_option(json_t *body, int opt, const char *text)
{
	for (size_t i = 0; i < N_NUMBERS; i++)
		if (numbers[i].opt == opt)
			return put_number(body, i, text);
	if (opt == OPT_RATE)
		return put_rate(body, text);
	if (opt == OPT_TASK)
		put_task(body, text);
	else if (opt == OPT_OPERATOR)
		(void)json_object_set_new(body, "operator", json_true());
	else
		return -1;
	return 0;
}

static int act(const struct cli *cli, const char *what, char **names, int n, json_t *body)
{
	struct client *client = NULL;
	bool adding = strcmp(what, "add") == 0, listing = strcmp(what, "list") == 0;
	struct err err;
	int ret;

	if (!adding && !listing && strcmp(what, "revoke") != 0)
		return cli_fail(EXIT_USAGE, "'%s': expected add, list or revoke", what);
	if (adding ? n != 1 : listing ? n != 0 : n == 0)
		return cli_fail(EXIT_USAGE, "%s: expected %s", what,
			adding    ? "one name"
			: listing ? "nothing behind it"
				  : "names of clients");
	if (!adding && json_object_size(body) > 0)
		return cli_fail(EXIT_USAGE, "%s: options of `add` do not go with it", what);
	if (listing)
		return cli_show(cli, "/v1/clients", print_clients);
	if (cli_open(cli, &client, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	if (adding)
		(void)json_object_set_new(body, "name", json_string(names[0]));
	ret = adding ? add(client, cli, body) : revoke_all(client, names);
	client_close(client);
	return ret;
}

int client_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "weight", required_argument, NULL, OPT_WEIGHT },
		{ "max-running", required_argument, NULL, OPT_MAX_RUNNING },
		{ "max-queued", required_argument, NULL, OPT_MAX_QUEUED },
		{ "rate", required_argument, NULL, OPT_RATE },
		{ "burst", required_argument, NULL, OPT_BURST },
		{ "max-bytes", required_argument, NULL, OPT_MAX_BYTES },
		{ "task", required_argument, NULL, OPT_TASK },
		{ "operator", no_argument, NULL, OPT_OPERATOR }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	json_t *body = json_object();
	int opt, r, ret = 0;

	if (body == NULL)
		return cli_fail(1, "out of memory");
	while (ret == 0 && (opt = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		r = put_option(body, opt, optarg);
		if (r > 0)
			ret = r;
		else if (r < 0 && !cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			goto end;
	}
	if (ret == 0 && optind == argc)
		ret = cli_fail(EXIT_USAGE, "expected add, list or revoke");
	if (ret == 0)
		ret = act(&cli, argv[optind], argv + optind + 1, argc - optind - 1, body);
end:
	json_decref(body);
	return ret;
}
