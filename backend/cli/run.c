/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "common/job_id.h"
#include "job_follow.h"
#include "job_request.h"
#include "job_show.h"
#include "typist.h"

static const char usage[] =
	"Usage: dockgate run [OPTION...] TASK [FILE...] [-- ARG...]\n\n"
	"Runs a job, and prints its stdout and stderr to ours while it runs. What a build step\n"
	"prints goes to stderr. Ctrl-C cancels the job; once more, and it is left "
	"alone.\n" ARGS_HELP JOB_HELP
	"  -i, --interactive  our stdin is the job's, as it is typed, and Ctrl-C interrupts\n"
	"                   the program; twice within a second cancels the job\n"
	"  --output DIR     save the files that were brought back there\n" CLI_HELP "\n"
	"Exit code: the program's own, 128+N where signal N ended it, 124 at its cpu or\n"
	"wall time, 137 at another limit it was killed for, 1 for wrong output, 125 where\n"
	"the job was cancelled by others, could not be run, or run was used wrongly; 130\n"
	"where Ctrl-C cancelled it, 143 where SIGTERM did.\n";

enum { OPT_OUTPUT = OPT_JOB_LAST_ };

static struct typist typist; /* of this process's one job, where it is interactive */

static void on_interrupt(int signal)
{
	client_interrupted = signal;
}

/* Ctrl-C cancels the job; once more ends us. */
static void catch_interrupts(void)
{
	const struct sigaction action = { .sa_handler = on_interrupt,
		.sa_flags = (int)SA_RESETHAND };

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

static void on_typed_interrupt(int signal)
{
	(void)signal;
	typist_signal(&typist);
}

static void on_typed_cancel(int signal)
{
	(void)signal;
	client_interrupted = SIGINT;
}

/* Ctrl-C goes to the program. */
static int start_typing(const struct cli *cli, const char *id, struct err *err)
{
	const struct sigaction action = { .sa_handler = on_typed_interrupt,
		.sa_flags = SA_RESTART };
	const struct sigaction cancel = { .sa_handler = on_typed_cancel };
	int r;

	(void)sigaction(SIGUSR2, &cancel, NULL);
	r = typist_start(cli, id, &typist, err);
	if (r == 0)
		(void)sigaction(SIGINT, &action, NULL);
	return r;
}

static int cancel(struct client *client, const char *id)
{
	int signal = client_interrupted;
	char path[128];
	json_t *reply = NULL;
	struct err err;

	client_interrupted = 0;
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	if (client_call(client, "DELETE", path, NULL, &reply, &err) < 0)
		return cli_fail(
			128 + signal, "interrupted; the job could not be cancelled: %s", err.msg);
	json_decref(reply);
	return cli_fail(128 + signal, "interrupted: the job was cancelled");
}

/* Returns when the job has ended, and has shown its output then, but as JSON. */
static int follow(
	struct client *client, const struct cli *cli, const char *id, json_t **ret, struct err *err)
{
	const struct follow_to to = { STDOUT_FILENO, STDERR_FILENO, STDERR_FILENO, true };

	return cli->json ? job_await(client, id, ret, err) : job_follow(client, id, &to, ret, err);
}

static int show(struct client *client, const struct cli *cli, const char *id, const json_t *job,
	const char *output, struct err *err)
{
	size_t n_files;
	int r = 0;

	if (cli->json && cli_print_json(job) != 0)
		r = err_say(err, EIO, "cannot write to stdout");
	if (r == 0 && output != NULL)
		r = job_save_files(client, id, output, &n_files, err);
	if (r == 0)
		job_explain(job, stderr);
	return r;
}

static int wait_and_show(struct client *client, const struct cli *cli, const json_t *accepted,
	const char *output, bool interactive)
{
	const char *id = json_string_value(json_object_get(accepted, "id"));
	json_t *job = NULL;
	struct err err;
	int r, code;

	if (id == NULL || strlen(id) != JOB_ID_CHARS)
		return cli_fail(EXIT_OURS, "the service's answer has no id");
	r = interactive ? start_typing(cli, id, &err) : 0;
	if (r == 0)
		r = follow(client, cli, id, &job, &err);
	typist_stop(&typist);
	if (r == -EINTR && client_interrupted != 0)
		return cancel(client, id);
	if (r == 0)
		r = show(client, cli, id, job, output, &err);
	code = r == 0 ? job_exit_code(job) : EXIT_OURS;
	json_decref(job);
	return r < 0 ? cli_fail(code, "job %s: %s", id, err.msg) : code;
}

static int run(const struct cli *cli, struct job_request *request, const char *output)
{
	bool interactive = request->interactive;
	struct client *client = NULL;
	json_t *accepted = NULL;
	struct err err;
	int code;

	catch_interrupts();
	if (cli_open(cli, &client, &err) < 0 ||
		job_request_send(request, client, &accepted, &err) < 0) {
		client_close(client);
		return cli_fail(client_interrupted != 0 ? 128 + client_interrupted : EXIT_OURS,
			"%s", err.msg);
	}
	code = wait_and_show(client, cli, accepted, output, interactive);
	json_decref(accepted);
	client_close(client);
	return code;
}

/* getopt_long() sorts words to the end, and would mix those behind "--" with those before. */
static int words_before_dashes(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc;
}

int run_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS, JOB_OPTIONS,
		{ "output", required_argument, NULL, OPT_OUTPUT },
		{ "interactive", no_argument, NULL, 'i' }, { NULL, 0, NULL, 0 } };
	int n = words_before_dashes(argc, argv);
	struct cli cli = { 0 };
	struct job_request request;
	const char *output = NULL;
	struct err err = { 0 };
	int opt, ret = 0;
	int r = job_request_init(&request, &err);
	bool ended = false;

	while (r == 0 && !ended && (opt = getopt_long(n, argv, "hi", options, NULL)) >= 0) {
		if (opt == OPT_OUTPUT)
			output = optarg;
		else if (opt == 'i')
			request.interactive = true;
		else if (opt >= OPT_OWN)
			r = job_request_option(&request, opt, optarg, &err);
		else
			ended = !cli_common(&cli, opt, usage, EXIT_OURS, &ret);
	}
	if (r == 0 && !ended)
		r = job_request_words(&request, n - optind, argv + optind,
			argc > n ? argc - n - 1 : 0, argv + n + 1, &err);
	if (r < 0)
		ret = cli_fail(EXIT_OURS, "%s", err.msg);
	else if (!ended)
		ret = run(&cli, &request, output);
	job_request_done(&request);
	return ret;
}
