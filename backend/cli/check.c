/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "common/config.h"

static const char usage[] =
	"Usage: dockgate check [OPTION...]\n\n"
	"Reads the configuration and prints every mistake with its file and line. A\n"
	"variable DOCKGATE_... that no key has is named, too, and is no mistake.\n"
	"Exit code: 0 without mistakes, 1 with some.\n\n"
	"  --config FILE    instead of /etc/dockgate\n"
	"  --format FORMAT  text (default) or json\n"
	"  -h, --help       this text\n";

static void collect(const char *line, void *arg)
{
	(void)json_array_append_new(arg, json_stringn_nocheck(line, __builtin_strlen(line)));
}

static void on_unknown(const char *name, void *arg)
{
	char line[300];

	(void)snprintf(line, sizeof(line), "environment %s: " CLI_UNKNOWN_VARIABLE, name);
	collect(line, arg);
}

static void print_lines(const json_t *lines)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		(void)fprintf(stderr, "%s\n", json_string_value(json_array_get(lines, i)));
}

static int print(
	const struct cli *cli, const struct config *config, json_t *mistakes, json_t *warnings)
{
	size_t n = json_array_size(mistakes);
	json_t *doc;

	if (cli->json) {
		doc = json_pack("{s:b, s:i, s:O, s:O}", "ok", n == 0, "tasks",
			config != NULL ? (int)config->n_tasks : 0, "mistakes", mistakes, "warnings",
			warnings);
		(void)cli_print_json(doc);
		json_decref(doc);
		return n > 0;
	}
	print_lines(warnings);
	print_lines(mistakes);
	if (n > 0)
		return cli_fail(1, "%zu mistake%s", n, n == 1 ? "" : "s");
	(void)printf("The configuration is right: %zu task%s.\n", config->n_tasks,
		config->n_tasks == 1 ? "" : "s");
	return 0;
}

int check_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "config", required_argument, NULL, 'c' }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	const char *path = NULL;
	struct config *config = NULL;
	json_t *mistakes, *warnings;
	struct err err;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': check takes no arguments, but --config FILE",
			argv[optind]);
	mistakes = json_array();
	warnings = json_array();
	config_env_unknown(on_unknown, warnings);
	(void)config_load(path, collect, mistakes, &config, &err);
	ret = print(&cli, config, mistakes, warnings);
	json_decref(warnings);
	json_decref(mistakes);
	config_free(config);
	return ret;
}
