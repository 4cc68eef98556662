/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "job_show.h"

static const char usage[] = "Usage: dockgate result [OPTION...] ID\n\n"
			    "Prints how a job stands, or how it ended and what it used.\n\n"
			    "  --wait           until it has ended\n" CLI_HELP;

enum { OPT_WAIT = OPT_OWN };

static void print_text(const json_t *job, const char *name)
{
	const char *text = json_string_value(json_object_get(job, name));

	if (text == NULL)
		return;
	(void)printf("%-12s ", name);
	cli_put_plain(text, stdout);
	(void)putchar('\n');
}

static void print_number(const char *name, const json_t *value, const char *unit)
{
	if (json_is_real(value))
		(void)printf("%-12s %.3f %s\n", name, json_real_value(value), unit);
	else if (json_is_integer(value))
		(void)printf("%-12s %" JSON_INTEGER_FORMAT " %s\n", name, json_integer_value(value),
			unit);
}

static void print(const json_t *job)
{
	static const char *const texts[] = { "id", "task", "state", "verdict", "error", "node",
		"image", "queued_at", "estimated_start", "started_at", "finished_at",
		"expires_at" };
	const json_t *usage_of = json_object_get(job, "usage");
	const json_t *file;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		print_text(job, texts[i]);
	print_number("position", json_object_get(job, "position"), "");
	print_number("exit_code", json_object_get(job, "exit_code"), "");
	print_number("signal", json_object_get(job, "signal"), "");
	print_number("wall", json_object_get(usage_of, "wall_ms"), "ms");
	print_number("cpu", json_object_get(usage_of, "cpu_ms"), "ms");
	print_number("memory", json_object_get(usage_of, "memory_peak_bytes"), "bytes");
	print_number("processes", json_object_get(usage_of, "processes_peak"), "");
	print_number("stdout", json_object_get(json_object_get(job, "stdout"), "bytes"), "bytes");
	print_number("stderr", json_object_get(json_object_get(job, "stderr"), "bytes"), "bytes");
	json_array_foreach(json_object_get(job, "files"), i, file)
	{
		(void)printf("%-12s ", "file");
		cli_put_plain(json_string_value(json_object_get(file, "name")), stdout);
		(void)printf(" (%" JSON_INTEGER_FORMAT " bytes)\n",
			json_integer_value(json_object_get(file, "bytes")));
	}
	if (strcmp(json_string_value(json_object_get(job, "state")), "done") == 0)
		job_explain(job, stdout);
}

static int get(struct client *client, const char *id, bool wait, json_t **ret, struct err *err)
{
	char path[128];
	int r;

	if (wait)
		return job_await(client, id, ret, err);
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	r = client_call(client, "GET", path, NULL, ret, err);
	if (r == 0 && !json_is_string(json_object_get(*ret, "state"))) {
		json_decref(*ret);
		*ret = NULL;
		return err_say(err, EPROTO, "the answer is not a job");
	}
	return r;
}

static int result(const struct cli *cli, const char *prefix, bool wait)
{
	struct client *client = NULL;
	json_t *job = NULL;
	char id[65];
	struct err err;
	int ret = 0;
	int r = cli_open(cli, &client, &err);

	if (r == 0)
		r = job_find(client, prefix, id, &err);
	if (r == 0)
		r = get(client, id, wait, &job, &err);
	if (r < 0)
		ret = cli_fail(1, "%s", err.msg);
	else if (cli->json)
		ret = cli_print_json(job);
	else
		print(job);
	json_decref(job);
	client_close(client);
	return ret;
}

int result_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "wait", no_argument, NULL, OPT_WAIT }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	bool wait = false;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (opt == OPT_WAIT)
			wait = true;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind + 1 != argc)
		return cli_fail(EXIT_USAGE, "expected one job's id");
	return result(&cli, argv[optind], wait);
}
