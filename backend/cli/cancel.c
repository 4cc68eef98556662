/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli.h"
#include "job_show.h"

static const char usage[] =
	"Usage: dockgate cancel [OPTION...] ID...\n\n"
	"Cancels jobs, waiting or running. A job that has ended stays as it is.\n\n" CLI_HELP;

static int cancel(struct client *client, const struct cli *cli, const char *prefix, struct err *err)
{
	char path[128];
	char id[65];
	json_t *job = NULL;

	if (job_find(client, prefix, id, err) < 0)
		return -err->code;
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	if (client_call(client, "DELETE", path, NULL, &job, err) < 0)
		return -err->code;
	if (cli->json)
		(void)cli_print_json(job);
	else
		(void)puts(id);
	json_decref(job);
	return 0;
}

int cancel_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	struct client *client = NULL;
	struct err err;
	int opt;
	int ret = 0;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	if (optind >= argc)
		return cli_fail(EXIT_USAGE, "expected at least one job's id");
	if (client_open(cli.host, cli.socket, &client, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	for (int i = optind; i < argc; i++)
		if (cancel(client, &cli, argv[i], &err) < 0)
			ret = cli_fail(1, "%s", err.msg);
	client_close(client);
	return ret;
}
