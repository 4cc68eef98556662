/* SPDX-License-Identifier: MIT */
/* `dockgate queue pause|resume|show`, beside the role of that name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client.h"

static const char usage[] = "Usage: dockgate queue pause [--task TASK] [OPTION...]\n"
			    "       dockgate queue resume [--task TASK] [OPTION...]\n"
			    "       dockgate queue show [OPTION...]\n\n"
			    "Stops jobs from being started, of a task or of all, until it is told "
			    "to go on: those that\n"
			    "run go on, and new ones may come and wait. For operators. Or shows "
			    "how the queue stands.\n\n"
			    "  --task TASK      of that task alone\n" CLI_HELP;

enum { OPT_TASK = OPT_OWN };

static int order(
	struct client *client, const char *word, const char *task, json_t **ret, struct err *err)
{
	char path[64];
	json_t *body = task == NULL ? json_object() : json_pack("{s:s}", "task", task);
	int r;

	(void)snprintf(path, sizeof(path), "/v1/queue/%s", word);
	r = client_call(client, "POST", path, body, ret, err);
	json_decref(body);
	return r;
}

static void print(const json_t *queue)
{
	const json_t *tasks = json_object_get(queue, "paused_tasks");
	bool all = json_is_true(json_object_get(queue, "paused"));
	const json_t *task;
	size_t i;

	(void)printf("%-9s %" JSON_INTEGER_FORMAT "\n%-9s %" JSON_INTEGER_FORMAT "\n%-9s",
		"waiting", json_integer_value(json_object_get(queue, "waiting")), "running",
		json_integer_value(json_object_get(queue, "running")), "paused");
	if (all || json_array_size(tasks) == 0)
		(void)printf(" %s", all ? "all" : "nothing");
	json_array_foreach(tasks, i, task)(void) printf(" %s", json_string_value(task));
	(void)putchar('\n');
}

static int steer(const struct cli *cli, const char *word, const char *task)
{
	bool show = strcmp(word, "show") == 0;
	struct client *client = NULL;
	json_t *answer = NULL;
	struct err err;
	int ret = 0;

	if (cli_open(cli, &client, &err) < 0 ||
		(show ? client_call(client, "GET", "/v1/queue", NULL, &answer, &err)
		      : order(client, word, task, &answer, &err)) < 0)
		ret = cli_fail(1, "%s", err.msg);
	else if (cli->json)
		ret = cli_print_json(answer);
	else if (show)
		print(answer);
	json_decref(answer);
	client_close(client);
	return ret;
}

bool steer_is_word(const char *word)
{
	return strcmp(word, "pause") == 0 || strcmp(word, "resume") == 0 ||
	       strcmp(word, "show") == 0;
}

int steer_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "task", required_argument, NULL, OPT_TASK }, { NULL, 0, NULL, 0 } };
	const char *word = argv[1];
	const char *task = NULL;
	struct cli cli = { 0 };
	int opt, ret;

	argv[1] = argv[0];
	while ((opt = getopt_long(argc - 1, argv + 1, "h", options, NULL)) >= 0) {
		if (opt == OPT_TASK)
			task = optarg;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind < argc - 1)
		return cli_fail(
			EXIT_USAGE, "'%s': queue %s takes no arguments", argv[optind + 1], word);
	if (task != NULL && strcmp(word, "show") == 0)
		return cli_fail(EXIT_USAGE, "--task: not of queue show, which shows all");
	return steer(&cli, word, task);
}
