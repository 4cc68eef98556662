/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memstream.h"
#include "job_show.h"

struct filter {
	const char *task, *client, *label, *state, *verdict; /* NULL: not given */
	bool all;
};

static bool take_option(struct filter *filter, int opt, const char *arg)
{
	switch (opt) {
	case OPT_BY_TASK:
		filter->task = arg;
		return true;
	case OPT_BY_CLIENT:
		filter->client = arg;
		return true;
	case OPT_BY_LABEL:
		filter->label = arg;
		return true;
	case OPT_BY_STATE:
		filter->state = arg;
		return true;
	case OPT_BY_VERDICT:
		filter->verdict = arg;
		return true;
	case OPT_BY_ALL:
		filter->all = true;
		return true;
	default:
		return false;
	}
}

static bool is_given(const struct filter *filter)
{
	return filter->all || filter->task != NULL || filter->client != NULL ||
	       filter->label != NULL || filter->state != NULL || filter->verdict != NULL;
}

/* "&NAME=VALUE", percent-encoded. */
static int put(FILE *f, struct client *client, const char *name, const char *value, struct err *err)
{
	char *text;

	if (value == NULL)
		return 0;
	text = client_escape(client, value);
	if (text == NULL)
		return err_set(err, ENOMEM, "request");
	(void)fprintf(f, "&%s=%s", name, text);
	free(text);
	return 0;
}

/* NAME=VALUE, as --label of `submit` takes it; the service has a colon there. */
static int put_label(FILE *f, struct client *client, const char *label, struct err *err)
{
	char text[600];
	char *equals;

	if (label == NULL)
		return 0;
	(void)snprintf(text, sizeof(text), "%s", label);
	equals = strchr(text, '=');
	if (equals != NULL)
		*equals = ':';
	return put(f, client, "label", text, err);
}

static int put_all(FILE *f, const struct filter *filter, struct client *client, struct err *err)
{
	int r = put(f, client, "task", filter->task, err);

	if (r == 0)
		r = put(f, client, "client", filter->client, err);
	if (r == 0)
		r = put_label(f, client, filter->label, err);
	if (r == 0)
		r = put(f, client, "state", filter->state, err);
	if (r == 0)
		r = put(f, client, "verdict", filter->verdict, err);
	return r == 0 && filter->all ? put(f, client, "all", "1", err) : r;
}

/* One call for all of them. */
static int call_many(const struct filter_command *command, const struct filter *filter,
	struct client *client, json_t **ret, struct err *err)
{
	char *query = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&query, &n);
	int r;

	if (f == NULL)
		return err_set(err, ENOMEM, "request");
	(void)fprintf(f, "%s?%s", command->many, command->extra);
	r = put_all(f, filter, client, err);
	if (memstream_close(f, &query) < 0 && r == 0)
		r = err_set(err, ENOMEM, "request");
	if (r == 0 && command->extra[0] == '\0') { /* "?&" */
		char *at = strchr(query, '&');

		if (at != NULL)
			memmove(at, at + 1, strlen(at));
	}
	if (r == 0)
		r = client_call(client, command->method, query, NULL, ret, err);
	free(query);
	return r;
}

static int one(const struct filter_command *command, struct client *client, const struct cli *cli,
	const char *prefix, struct err *err)
{
	const char *new_id;
	char path[128];
	char id[65];
	json_t *answer = NULL;

	if (job_find(client, prefix, id, err) < 0)
		return -err->code;
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s%s", id, command->one);
	if (client_call(client, command->method, path, NULL, &answer, err) < 0)
		return -err->code;
	new_id = json_string_value(json_object_get(answer, "id"));
	if (cli->json)
		(void)cli_print_json(answer);
	else
		(void)puts(new_id == NULL ? id : new_id);
	json_decref(answer);
	return 0;
}

static int many(const struct filter_command *command, struct client *client, const struct cli *cli,
	const struct filter *filter)
{
	json_t *answer = NULL;
	json_int_t refused;
	struct err err;

	if (call_many(command, filter, client, &answer, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	refused = json_integer_value(json_object_get(answer, "refused"));
	if (cli->json)
		(void)cli_print_json(answer);
	else
		(void)printf("%" JSON_INTEGER_FORMAT " %s\n",
			json_integer_value(json_object_get(answer, command->count)), command->says);
	json_decref(answer);
	return refused == 0 ? 0 : cli_fail(1, "%" JSON_INTEGER_FORMAT " were refused", refused);
}

int filter_main(
	const struct filter_command *command, const struct option *options, int argc, char **argv)
{
	struct cli cli = { 0 };
	struct filter filter = { 0 };
	struct client *client = NULL;
	struct err err;
	int opt;
	int ret = 0;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		if (!take_option(&filter, opt, optarg) &&
			!cli_common(&cli, opt, command->usage, EXIT_USAGE, &ret))
			return ret;
	if (is_given(&filter) == (optind < argc))
		return cli_fail(EXIT_USAGE, "expected ids of jobs, or options that say which");
	if (filter.label != NULL && strchr(filter.label, '=') == NULL)
		return cli_fail(EXIT_USAGE, "--label: expected NAME=VALUE, got '%s'", filter.label);
	if (cli_open(&cli, &client, &err) < 0)
		return cli_fail(1, "%s", err.msg);
	if (is_given(&filter))
		ret = many(command, client, &cli, &filter);
	for (int i = optind; i < argc; i++)
		if (one(command, client, &cli, argv[i], &err) < 0)
			ret = cli_fail(1, "%s", err.msg);
	client_close(client);
	return ret;
}
