/* SPDX-License-Identifier: MIT */
/*
 * What the commands share: their table, the options that all of them take, and
 * exit codes. A command is one file: it parses its options, calls, prints.
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"

/* Behind the name of a variable DOCKGATE_...: config_env_unknown(). */
#define CLI_UNKNOWN_VARIABLE "no key has that name, so that it does nothing"

#define EXIT_USAGE 2
#define EXIT_OURS  125 /* of `run`: the job said nothing, we failed */
#define EXIT_TIMED 124 /* of `run`: the job reached its cpu or wall time, as timeout(1) has it */
#define EXIT_SETUP 78  /* EX_CONFIG: no restart mends it */

struct cli {
	const char *host;       /* --host; NULL: DOCKGATE_HOST, a local socket, 127.0.0.1:8080 */
	const char *socket;     /* --socket */
	const char *token_file; /* --token-file; NULL: see token.h */
	bool json;              /* --format json */
};

/* Values of long options without a letter begin behind the common ones. */
enum { OPT_HOST = 256, OPT_SOCKET, OPT_FORMAT, OPT_TOKEN_FILE, OPT_OWN };

/* At the start of each command's option table. */
#define CLI_OPTIONS                                                                        \
	{ "help", no_argument, NULL, 'h' }, { "host", required_argument, NULL, OPT_HOST }, \
		{ "socket", required_argument, NULL, OPT_SOCKET },                         \
		{ "token-file", required_argument, NULL, OPT_TOKEN_FILE },                 \
	{                                                                                  \
		"format", required_argument, NULL, OPT_FORMAT                              \
	}

#define CLI_HELP                                                                       \
	"  --host URL       the service, e.g. http://127.0.0.1:8080\n"                 \
	"  --socket PATH    the service's unix socket\n"                               \
	"  --format FORMAT  text (default) or json\n"                                  \
	"  --token-file F   a file with the token to bring; see also DOCKGATE_TOKEN\n" \
	"  -h, --help       this text\n"

/*
 * For options that the command does not handle itself: true where it was a
 * common one and the command goes on; false where it ends with *ret_exit.
 */
bool cli_common(struct cli *cli, int opt, const char *usage, int exit_usage, int *ret_exit);

/* "dockgate: MESSAGE" on stderr; returns exit_code. */
int cli_fail(int exit_code, const char *fmt, ...) __attribute__((__format__(__printf__, 2, 3)));

/* Prints one JSON document and a line end. */
struct json_t;
int cli_print_json(const struct json_t *json);

/* Text from a stranger for a terminal, as plain.h has it. */
void cli_put_plain(const char *text, FILE *out);

/* The service that the options name, with the caller's token. */
struct client;
int cli_open(const struct cli *cli, struct client **ret, struct err *err);

/* Asks it for one document and shows that: as JSON, or as `print` does. Returns an exit code. */
int cli_show(const struct cli *cli, const char *path, void (*print)(const struct json_t *reply));

int serve_command(int argc, char **argv);
int gateway_command(int argc, char **argv);
int queue_command(int argc, char **argv);
int driver_command(int argc, char **argv);
int courier_command(int argc, char **argv);
int run_command(int argc, char **argv);
int submit_command(int argc, char **argv);
int ps_command(int argc, char **argv);
int logs_command(int argc, char **argv);
int result_command(int argc, char **argv);
int files_command(int argc, char **argv);
int cancel_command(int argc, char **argv);
int purge_command(int argc, char **argv);
int retry_command(int argc, char **argv);
int tasks_command(int argc, char **argv);
int images_command(int argc, char **argv);
int doctor_command(int argc, char **argv);
int check_command(int argc, char **argv);
int store_command(int argc, char **argv);
/* `queue pause|resume|show`: argv[1] is one of them. */
bool steer_is_word(const char *word);
int steer_command(int argc, char **argv);
int client_command(int argc, char **argv);
int audit_command(int argc, char **argv);
