/* SPDX-License-Identifier: MIT */
/* Which jobs a command is about, where it is about many: by options instead of ids. */
#pragma once

#include "cli.h"

enum {
	OPT_BY_TASK = OPT_OWN,
	OPT_BY_CLIENT,
	OPT_BY_LABEL,
	OPT_BY_STATE,
	OPT_BY_VERDICT,
	OPT_BY_ALL,
};

#define FILTER_OPTIONS                                                \
	{ "task", required_argument, NULL, OPT_BY_TASK },             \
		{ "client", required_argument, NULL, OPT_BY_CLIENT }, \
		{ "label", required_argument, NULL, OPT_BY_LABEL },   \
	{                                                             \
		"all", no_argument, NULL, OPT_BY_ALL                  \
	}

#define FILTER_HELP                                   \
	"  --task TASK      all of that task\n"       \
	"  --client CLIENT  all of that client\n"     \
	"  --label NAME=VALUE  all with that label\n" \
	"  --all            all that there are, or that are as said\n"

/* A command that does something to jobs: to those named, or to all that are as said. */
struct filter_command {
	const char *usage, *method;
	const char *one;   /* what stands behind the id in its path */
	const char *many;  /* path */
	const char *extra; /* of the query of `many`, or "" */
	const char *count; /* the member of its answer */
	const char *says;  /* what is printed behind that */
};

/* All of it. options: CLI_OPTIONS, FILTER_OPTIONS, and more of the enum above. */
int filter_main(
	const struct filter_command *command, const struct option *options, int argc, char **argv);
