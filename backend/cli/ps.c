/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "common/number.h"

static const char usage[] = "Usage: dockgate ps [OPTION...]\n\n"
			    "Lists jobs, the newest first. Ids of other clients' jobs are cut.\n\n"
			    "  -n, --last N     at most N (default 20, at most 1000)\n"
			    "  --state STATE    only queued, running or done\n" CLI_HELP;

enum { OPT_STATE = OPT_OWN };

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static void print(const json_t *reply)
{
	const json_t *row;
	size_t i;

	(void)printf("%-64s  %-16s %-9s %-17s %-24s %s\n", "ID", "TASK", "STATE", "VERDICT",
		"QUEUED", "CALLBACK");
	json_array_foreach(json_object_get(reply, "jobs"), i, row)
	{
		const char *verdict = text_of(row, "verdict");

		const char *callback = text_of(row, "callback");

		(void)printf("%-64s  %-16s %-9s %-17s %-24s %s\n", text_of(row, "id"),
			text_of(row, "task"), text_of(row, "state"),
			*verdict != '\0' ? verdict : "-", text_of(row, "queued_at"),
			*callback != '\0' ? callback : "-");
	}
}

static int ps(const struct cli *cli, int64_t n, const char *state)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/v1/jobs?limit=%d%s%s", (int)n,
		state != NULL ? "&state=" : "", state != NULL ? state : "");
	return cli_show(cli, path, print);
}

int ps_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "last", required_argument, NULL, 'n' },
		{ "state", required_argument, NULL, OPT_STATE }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	const char *state = NULL;
	int64_t n = 20;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hn:", options, NULL)) >= 0) {
		if (opt == 'n') {
			if (!number_parse(optarg, 1, 1000, &n))
				return cli_fail(
					EXIT_USAGE, "--last: expected a number from 1 to 1000");
		} else if (opt == OPT_STATE) {
			state = optarg;
			if (strlen(state) > 40 ||
				strspn(state, "abcdefghijklmnopqrstuvwxyz,") != strlen(state))
				return cli_fail(
					EXIT_USAGE, "--state: expected queued, running or done");
		} else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret)) {
			return ret;
		}
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': ps takes no arguments", argv[optind]);
	return ps(&cli, n, state);
}
