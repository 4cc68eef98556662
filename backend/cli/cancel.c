/* SPDX-License-Identifier: MIT */
#include "filter.h"

static const char usage[] =
	"Usage: dockgate cancel [OPTION...] ID...\n"
	"       dockgate cancel [--task TASK] [--client CLIENT] [--label NAME=VALUE]\n"
	"                       [--state STATE] [--all]\n\n"
	"Cancels jobs, waiting or running: those named, or all that are as said. A job that has\n"
	"ended stays as it is.\n\n" FILTER_HELP
	"  --state STATE    only queued, or running\n" CLI_HELP;

int cancel_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, FILTER_OPTIONS,
		{ "state", required_argument, NULL, OPT_BY_STATE }, { NULL, 0, NULL, 0 } };
	static const struct filter_command command = {
		.usage = usage,
		.method = "DELETE",
		.one = "",
		.many = "/v1/jobs",
		.extra = "",
		.count = "cancelled",
		.says = "cancelled",
	};

	return filter_main(&command, options, argc, argv);
}
