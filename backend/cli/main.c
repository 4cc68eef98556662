/* SPDX-License-Identifier: MIT */
/*
 * dockgate: one program, its commands in a table.
 *
 * Theory of operation. `serve`, as root, makes the state directory, binds all
 * listeners, and starts this same program four times: `gateway`, `queue`, `driver`
 * and `courier`. Each gets its listeners, the configuration as sealed memory and a
 * socket to say that it is ready; it then becomes its own user and gives up
 * every other right (common/role.h). They talk to each other over unix sockets
 * only (wire/msg.h). All other commands are clients of the service's HTTP.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} commands[] = {
	/* clang-format off */
	{ "serve",   serve_command,   "run the service: gateway, queue, driver and courier" },
	{ "gateway", gateway_command, "run the HTTP server alone (serve and systemd do)" },
	{ "queue",   queue_command,   "run the queue alone; or pause, resume or show it" },
	{ "driver",  driver_command,  "run the driver of the Docker Engine alone" },
	{ "courier", courier_command, "run the sender of callbacks alone" },
	{ "run",     run_command,     "run a job and end as it ended" },
	{ "submit",  submit_command,  "hand in a job and print its id" },
	{ "ps",      ps_command,      "list jobs" },
	{ "logs",    logs_command,    "print what a job printed" },
	{ "result",  result_command,  "print a job's result" },
	{ "files",   files_command,   "list or fetch the files that a job left" },
	{ "cancel",  cancel_command,  "cancel jobs" },
	{ "purge",   purge_command,   "remove jobs that have ended" },
	{ "retry",   retry_command,   "hand in again what has failed" },
	{ "tasks",   tasks_command,   "list what is offered" },
	{ "images",  images_command,  "show which images the tasks use" },
	{ "doctor",  doctor_command,  "check this machine and say what to do" },
	{ "check",   check_command,   "read the configuration and name every mistake" },
	{ "store",   store_command,   "move the jobs between SQLite and MariaDB" },
	{ "client",  client_command,  "add, list and revoke clients and their tokens" },
	{ "audit",   audit_command,   "list who did what" },
	/* clang-format on */
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out)
{
	(void)fputs("Usage: dockgate COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
	(void)fputs("\n`dockgate COMMAND --help` says what a command takes.\n", out);
	return out == stdout ? 0 : EXIT_USAGE;
}

/* getopt_long() begins its complaints with argv[0]. */
static int call(size_t i, int argc, char **argv)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "dockgate %s", commands[i].name);
	argv[0] = name;
	return commands[i].main(argc, argv);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0)
		return puts("dockgate " DOCKGATE_VERSION) < 0;
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return call(i, argc - 1, argv + 1);
	return cli_fail(
		EXIT_USAGE, "there is no command '%s'; `dockgate --help` lists them", argv[1]);
}
