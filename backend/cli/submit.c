/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "job_request.h"

static const char usage[] =
	"Usage: dockgate submit [OPTION...] TASK [FILE...] [-- ARG...]\n\n"
	"Hands in a job and prints its id. `result`, `logs` and `files` take the id.\n" ARGS_HELP
		JOB_HELP CLI_HELP;

static int submit(const struct cli *cli, struct job_request *request)
{
	struct client *client = NULL;
	json_t *reply = NULL;
	struct err err;
	int ret = 0;

	if (cli_open(cli, &client, &err) < 0 || job_request_send(request, client, &reply, &err) < 0)
		ret = cli_fail(1, "%s", err.msg);
	else if (cli->json)
		ret = cli_print_json(reply);
	else
		ret = puts(json_string_value(json_object_get(reply, "id"))) < 0;
	json_decref(reply);
	client_close(client);
	return ret;
}

int submit_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, JOB_OPTIONS, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	struct job_request request;
	struct err err = { 0 };
	int opt, ret = 0;
	int n = 1;
	int r = job_request_init(&request, &err);
	bool ended = false;

	while (n < argc && strcmp(argv[n], "--") != 0)
		n++;
	while (r == 0 && !ended && (opt = getopt_long(n, argv, "h", options, NULL)) >= 0) {
		if (opt >= OPT_OWN)
			r = job_request_option(&request, opt, optarg, &err);
		else
			ended = !cli_common(&cli, opt, usage, EXIT_USAGE, &ret);
	}
	if (r == 0 && !ended)
		r = job_request_words(&request, n - optind, argv + optind,
			argc > n ? argc - n - 1 : 0, argv + n + 1, &err);
	if (r < 0)
		ret = cli_fail(EXIT_USAGE, "%s", err.msg);
	else if (!ended)
		ret = submit(&cli, &request);
	job_request_done(&request);
	return ret;
}
