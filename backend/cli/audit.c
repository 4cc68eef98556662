/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "common/number.h"

static const char usage[] =
	"Usage: dockgate audit [OPTION...]\n\n"
	"Lists who did what: jobs cancelled, removed and handed in again, tasks paused and\n"
	"resumed, clients added and revoked; the newest first. For operators.\n\n"
	"  -n, --last N     at most N (default 50, at most 1000)\n" CLI_HELP;

static void put(const json_t *row, const char *name, int width)
{
	const char *text = json_string_value(json_object_get(row, name));

	(void)printf("%-*s ", width, text != NULL ? text : "-");
}

static void print(const json_t *reply)
{
	const json_t *row;
	size_t i;

	(void)printf("%-24s %-20s %-16s %-20s %s\n", "AT", "WHO", "WHAT", "OBJECT", "DETAIL");
	json_array_foreach(json_object_get(reply, "entries"), i, row)
	{
		put(row, "at", 24);
		put(row, "who", 20);
		put(row, "what", 16);
		put(row, "object", 20);
		put(row, "detail", 0);
		(void)putchar('\n');
	}
}

static int audit(const struct cli *cli, int64_t n)
{
	char path[60];

	(void)snprintf(path, sizeof(path), "/v1/audit?limit=%d", (int)n);
	return cli_show(cli, path, print);
}

int audit_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "last", required_argument, NULL, 'n' }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	int64_t n = 50;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hn:", options, NULL)) >= 0) {
		if (opt == 'n') {
			if (!number_parse(optarg, 1, 1000, &n))
				return cli_fail(
					EXIT_USAGE, "--last: expected a number from 1 to 1000");
		} else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret)) {
			return ret;
		}
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': audit takes no arguments", argv[optind]);
	return audit(&cli, n);
}
