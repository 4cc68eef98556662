/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "common/cleanup.h"
#include "common/plain.h"
#include "common/secret_file.h"
#include "token.h"

bool cli_common(struct cli *cli, int opt, const char *usage, int exit_usage, int *ret_exit)
{
	switch (opt) {
	case 'h':
		(void)fputs(usage, stdout);
		*ret_exit = 0;
		return false;
	case OPT_HOST:
		cli->host = optarg;
		return true;
	case OPT_SOCKET:
		cli->socket = optarg;
		return true;
	case OPT_TOKEN_FILE:
		cli->token_file = optarg;
		return true;
	case OPT_FORMAT:
		cli->json = strcmp(optarg, "json") == 0;
		if (cli->json || strcmp(optarg, "text") == 0)
			return true;
		*ret_exit =
			cli_fail(exit_usage, "--format: expected text or json, got '%s'", optarg);
		return false;
	default: /* getopt_long() has said what is wrong */
		(void)fputs("Try --help.\n", stderr);
		*ret_exit = exit_usage;
		return false;
	}
}

int cli_open(const struct cli *cli, struct client **ret, struct err *err)
{
	struct client *client = NULL;
	char *token = NULL;
	int r = token_find(cli->token_file, &token, err);

	if (r == 0)
		r = client_open(cli->host, cli->socket, &client, err);
	if (r == 0 && token != NULL)
		r = client_bring(client, token, err);
	secret_file_wipe(token);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret = client;
	return 0;
}

int cli_fail(int exit_code, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	(void)fputs("dockgate: ", stderr);
	cli_put_plain(text == NULL ? fmt : text, stderr); /* a job's words may be in it */
	(void)fputc('\n', stderr);
	return exit_code;
}

int cli_print_json(const struct json_t *json)
{
	if (json_dumpf(json, stdout, JSON_INDENT(2)) < 0 || fputc('\n', stdout) == EOF ||
		fflush(stdout) != 0)
		return cli_fail(1, "cannot write to stdout");
	return 0;
}

void cli_put_plain(const char *text, FILE *out)
{
	size_t left = strlen(text), n;

	for (; left > 0; left -= n, text += n) {
		if (plain_next(text, left, &n)) {
			(void)fwrite(text, 1, n, out);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			(void)fprintf(out, "\\x%02x", (unsigned char)text[i]);
	}
}

int cli_show(const struct cli *cli, const char *path, void (*print)(const struct json_t *reply))
{
	struct client *client = NULL;
	json_t *reply = NULL;
	struct err err;
	int ret = 0;

	if (cli_open(cli, &client, &err) < 0 ||
		client_call(client, "GET", path, NULL, &reply, &err) < 0)
		ret = cli_fail(1, "%s", err.msg);
	else if (cli->json)
		ret = cli_print_json(reply);
	else
		print(reply);
	json_decref(reply);
	client_close(client);
	return ret;
}
