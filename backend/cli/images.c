/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "engine_probe.h"
#include "images_build.h"
#include "place.h"

enum { OPT_STATE_DIR = OPT_OWN };

static const char usage[] =
	"Usage: dockgate images [OPTION...] [build [NAME...] | update]\n\n"
	"Asks the Docker Engine for the image of each task. Jobs never pull one.\n"
	"`build`, as root, makes those that dockgate has recipes for, or those named,\n"
	"out of the distribution's packages, where the engine does not have them.\n"
	"`update`, as root, makes the running service resolve all of them anew, as\n"
	"SIGHUP does. Exit code: 1 where one is missing.\n\n"
	"  --config FILE    instead of /etc/dockgate\n"
	"  --state-dir DIR  as given to serve\n"
	"  --format FORMAT  text (default) or json\n"
	"  -h, --help       this text\n";

static json_t *row_of(const struct task *task, const char *id)
{
	return json_pack("{s:s, s:s, s:s?, s:b}", "task", task->name, "image", task->image, "id",
		id, "ready", id != NULL);
}

static int ask_all(struct client *engine, const struct config *config, json_t *rows,
	size_t *ret_missing, struct err *err)
{
	for (size_t i = 0; i < config->n_tasks; i++) {
		cleanup_free char *id = NULL;

		if (engine_probe_image(engine, config->tasks[i].image, &id, err) < 0)
			return -err->code;
		*ret_missing += id == NULL;
		(void)json_array_append_new(rows, row_of(&config->tasks[i], id));
	}
	return 0;
}

static void print(const json_t *rows)
{
	const json_t *row;
	size_t i;

	(void)printf("%-16s %-32s %s\n", "TASK", "IMAGE", "ID");
	json_array_foreach(rows, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "id"));

		(void)printf("%-16s %-32s %.19s\n", json_string_value(json_object_get(row, "task")),
			json_string_value(json_object_get(row, "image")),
			id != NULL ? id : "missing");
	}
}

static int images(const struct cli *cli, const struct config *config)
{
	struct client *engine = NULL;
	json_t *rows = json_array();
	size_t missing = 0;
	struct err err;
	int r = engine_probe_open(config, &engine, &err);

	if (r == 0)
		r = ask_all(engine, config, rows, &missing, &err);
	client_close(engine);
	if (r == 0 && cli->json)
		(void)cli_print_json(rows);
	else if (r == 0)
		print(rows);
	json_decref(rows);
	if (r < 0)
		return cli_fail(1, "the Docker Engine: %s", err.msg);
	if (missing > 0)
		return cli_fail(1,
			"%zu image%s missing: `dockgate images build` makes those that dockgate "
			"has "
			"recipes for, docker pull gets others",
			missing, missing == 1 ? " is" : "s are");
	return 0;
}

static int update(const struct config *config)
{
	pid_t pid;
	struct err err;

	if (place_supervisor(config, &pid, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	if (kill(pid, SIGHUP) < 0)
		return cli_fail(1, "tell the service (process %d): %s", (int)pid, strerror(errno));
	return 0;
}

int images_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	struct config *config = NULL;
	const char *path = NULL;
	struct err err;
	bool is_update, is_build;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (opt == OPT_STATE_DIR)
			(void)setenv("DOCKGATE_STATE_DIR", optarg, 1);
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	is_update = optind + 1 == argc && strcmp(argv[optind], "update") == 0;
	is_build = optind < argc && strcmp(argv[optind], "build") == 0;
	if (optind < argc && !is_update && !is_build)
		return cli_fail(
			EXIT_USAGE, "'%s': expected nothing, build or update", argv[optind]);
	if (config_load(path, NULL, NULL, &config, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	if (is_build)
		ret = images_build(config, argv + optind + 1, (size_t)(argc - optind - 1));
	else
		ret = is_update ? update(config) : 0;
	if (ret == 0 && !is_build)
		ret = images(&cli, config);
	config_free(config);
	return ret;
}
