/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "job_follow.h"
#include "job_show.h"

static const char usage[] =
	"Usage: dockgate logs [OPTION...] ID\n\n"
	"Prints what the job printed, once it has ended: stdout to stdout, stderr to stderr.\n\n"
	"  -f, --follow        from its start, while it runs, with all of its steps\n"
	"  --stdout, --stderr  only that one, to stdout\n" CLI_HELP;

enum { OPT_ONLY_OUT = OPT_OWN, OPT_ONLY_ERR };

/* What a build printed is not the program's: to stderr, unless one stream was asked for. */
static int follow(struct client *client, const char *id, int only, struct err *err)
{
	const struct follow_to to = {
		.out = only == OPT_ONLY_ERR ? -1 : STDOUT_FILENO,
		.err = only == OPT_ONLY_OUT   ? -1
		       : only == OPT_ONLY_ERR ? STDOUT_FILENO
					      : STDERR_FILENO,
		.build = only != 0 ? -1 : STDERR_FILENO,
	};
	json_t *end;
	int r = job_follow(client, id, &to, &end, err);

	if (r == 0)
		json_decref(end);
	return r;
}

static int print(struct client *client, const char *id, int only, struct err *err)
{
	int r = 0;

	if (only != OPT_ONLY_ERR)
		r = job_stream(client, id, "stdout", STDOUT_FILENO, err);
	if (r == 0 && only != OPT_ONLY_OUT)
		r = job_stream(
			client, id, "stderr", only != 0 ? STDOUT_FILENO : STDERR_FILENO, err);
	return r;
}

static int logs(const struct cli *cli, const char *prefix, int only, bool following)
{
	struct client *client = NULL;
	char id[65];
	struct err err;
	int r = cli_open(cli, &client, &err);

	if (r == 0)
		r = job_find(client, prefix, id, &err);
	if (r == 0)
		r = (following ? follow : print)(client, id, only, &err);
	client_close(client);
	return r < 0 ? cli_fail(1, "%s", err.msg) : 0;
}

int logs_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, { "follow", no_argument, NULL, 'f' },
		{ "stdout", no_argument, NULL, OPT_ONLY_OUT },
		{ "stderr", no_argument, NULL, OPT_ONLY_ERR }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	bool following = false;
	int only = 0;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hf", options, NULL)) >= 0) {
		if (opt == OPT_ONLY_OUT || opt == OPT_ONLY_ERR)
			only = opt;
		else if (opt == 'f')
			following = true;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind + 1 != argc)
		return cli_fail(EXIT_USAGE, "expected one job's id");
	return logs(&cli, argv[optind], only, following);
}
