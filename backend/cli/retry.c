/* SPDX-License-Identifier: MIT */
#include "filter.h"

static const char usage[] =
	"Usage: dockgate retry [OPTION...] ID...\n"
	"       dockgate retry [--task TASK] [--client CLIENT] [--label NAME=VALUE]\n"
	"                      [--verdict VERDICT,...] [--all]\n\n"
	"Hands in the requests of jobs that have ended once more, and prints the new jobs' ids or\n"
	"how many they are. Without --verdict: of those that failed.\n\n" FILTER_HELP
	"  --verdict VERDICT,...  all that ended so\n" CLI_HELP;

int retry_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, FILTER_OPTIONS,
		{ "verdict", required_argument, NULL, OPT_BY_VERDICT }, { NULL, 0, NULL, 0 } };
	static const struct filter_command command = {
		.usage = usage,
		.method = "POST",
		.one = "/retry",
		.many = "/v1/jobs/retry",
		.extra = "",
		.count = "retried",
		.says = "handed in again",
	};

	return filter_main(&command, options, argc, argv);
}
