/* SPDX-License-Identifier: MIT */
#include "filter.h"

static const char usage[] =
	"Usage: dockgate purge [OPTION...] ID...\n"
	"       dockgate purge [--task TASK] [--client CLIENT] [--label NAME=VALUE]\n"
	"                      [--verdict VERDICT,...] [--all]\n\n"
	"Removes jobs that have ended, with all that is kept of them, before their time is "
	"over.\n\n" FILTER_HELP "  --verdict VERDICT,...  all that ended so\n" CLI_HELP;

int purge_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, FILTER_OPTIONS,
		{ "verdict", required_argument, NULL, OPT_BY_VERDICT }, { NULL, 0, NULL, 0 } };
	static const struct filter_command command = {
		.usage = usage,
		.method = "DELETE",
		.one = "?purge=1",
		.many = "/v1/jobs",
		.extra = "purge=1",
		.count = "purged",
		.says = "purged",
	};

	return filter_main(&command, options, argc, argv);
}
