/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "common/cleanup.h"
#include "job_show.h"

static const char usage[] =
	"Usage: dockgate files [OPTION...] ID [PATH]\n\n"
	"Lists the files that a job left, or prints the one at PATH to stdout.\n\n"
	"  --output DIR     save all of them there\n" CLI_HELP;

enum { OPT_OUTPUT = OPT_OWN };

static void print(const json_t *list)
{
	const json_t *file;
	size_t i;

	json_array_foreach(json_object_get(list, "files"), i, file)
	{
		(void)printf("%12" JSON_INTEGER_FORMAT "  %.12s  ",
			json_integer_value(json_object_get(file, "bytes")),
			json_string_value(json_object_get(file, "sha256")));
		cli_put_plain(json_string_value(json_object_get(file, "name")), stdout);
		(void)putchar('\n');
	}
	json_array_foreach(json_object_get(list, "skipped"), i, file)
	{
		(void)printf("%12s  ", "skipped");
		cli_put_plain(json_string_value(json_object_get(file, "name")), stdout);
		(void)printf(": ");
		cli_put_plain(json_string_value(json_object_get(file, "reason")), stdout);
		(void)putchar('\n');
	}
}

static int list_files(struct client *client, const struct cli *cli, const char *id, struct err *err)
{
	char path[128];
	json_t *list;

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/files", id);
	if (client_call(client, "GET", path, NULL, &list, err) < 0)
		return -err->code;
	if (cli->json)
		(void)cli_print_json(list);
	else
		print(list);
	json_decref(list);
	return 0;
}

static int fetch_file(struct client *client, const char *id, const char *name, struct err *err)
{
	cleanup_free char *escaped = client_escape(client, name);
	cleanup_free char *path = NULL;

	if (escaped == NULL || asprintf(&path, "/v1/jobs/%s/files/%s", id, escaped) < 0)
		return err_set(err, ENOMEM, "%s", name);
	return client_fetch(client, path, STDOUT_FILENO, err);
}

static int files(const struct cli *cli, const char *prefix, const char *name, const char *output)
{
	struct client *client = NULL;
	char id[65];
	size_t n = 0;
	struct err err;
	int r = cli_open(cli, &client, &err);

	if (r == 0)
		r = job_find(client, prefix, id, &err);
	if (r == 0 && output != NULL)
		r = job_save_files(client, id, output, &n, &err);
	else if (r == 0 && name != NULL)
		r = fetch_file(client, id, name, &err);
	else if (r == 0)
		r = list_files(client, cli, id, &err);
	client_close(client);
	if (r < 0)
		return cli_fail(1, "%s", err.msg);
	if (output != NULL)
		(void)printf("%zu file%s saved in %s\n", n, n == 1 ? "" : "s", output);
	return 0;
}

int files_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "output", required_argument, NULL, OPT_OUTPUT }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	const char *output = NULL;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (opt == OPT_OUTPUT)
			output = optarg;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (argc - optind < 1 || argc - optind > (output != NULL ? 1 : 2))
		return cli_fail(EXIT_USAGE, "expected a job's id, and perhaps a file's path");
	return files(&cli, argv[optind], argc - optind == 2 ? argv[optind + 1] : NULL, output);
}
