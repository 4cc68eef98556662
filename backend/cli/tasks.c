/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>

#include "cli.h"

static const char usage[] = "Usage: dockgate tasks [OPTION...]\n\n"
			    "Lists the tasks that the service offers.\n\n" CLI_HELP;

static void print(const json_t *reply)
{
	const json_t *task;
	size_t i;

	json_array_foreach(json_object_get(reply, "tasks"), i, task)
	{
		const char *what = json_string_value(json_object_get(task, "description"));
		const char *name = json_string_value(json_object_get(task, "name"));

		(void)printf("%-16s ", name != NULL ? name : "");
		cli_put_plain(what != NULL ? what : "", stdout);
		(void)putchar('\n');
	}
}

int tasks_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	int opt;
	int ret = 0;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': tasks takes no arguments", argv[optind]);
	return cli_show(&cli, "/v1/tasks", print);
}
