/* SPDX-License-Identifier: MIT */
#include "typist.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "common/clock.h"

#define PIECE_BYTES  16384
#define START_WAIT_S 30                /* for the job's start, again and again */
#define TWICE_US     INT64_C(1000000)  /* Ctrl-C twice within that cancels the job */
#define AWAY_MOST_US INT64_C(60000000) /* a service that is away for longer is gone */

/* ---- input ---- */

static bool is_queued(struct client *client, const char *id)
{
	char path[128];
	json_t *job = NULL;
	const char *state;
	struct err err;
	bool queued;

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	if (client_call(client, "GET", path, NULL, &job, &err) < 0)
		return false;
	state = json_string_value(json_object_get(job, "state"));
	queued = state != NULL && strcmp(state, "queued") == 0;
	json_decref(job);
	return queued;
}

/* One piece, until it is taken. False: the job takes no more. */
static bool type_piece(
	struct client *client, const char *id, const char *data, size_t n, struct err *err)
{
	const struct timespec pause = { .tv_sec = 1 };
	int64_t since_us = clock_us();
	char path[160];

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/stdin?wait=%d%s", id, START_WAIT_S,
		n == 0 ? "&end=1" : "");
	for (;;) {
		json_t *reply = NULL;
		long status = 0;
		int r = client_post(client, path, data, n, &reply, &status, err);

		json_decref(reply);
		if (r < 0 && r != -ECONNREFUSED)
			return false; /* it may have come: not once more */
		if (r == 0 && status == 202)
			return n > 0;
		if (status == 409 && is_queued(client, id))
			continue; /* it has waited for its start meanwhile */
		if (r == 0 && status != 429 && status != 503)
			return false; /* the program has ended, or has no input any more */
		if (status == 429)
			since_us = clock_us(); /* it is only slow */
		if (clock_us() - since_us > AWAY_MOST_US)
			return false;
		(void)nanosleep(&pause, NULL);
	}
}

static _Noreturn void input_main(struct client *client, const char *id)
{
	static char data[PIECE_BYTES];
	struct err err = { 0 };
	bool open = true; /* err says why not, unless that is the job's doing */

	while (open) {
		ssize_t n = read(STDIN_FILENO, data, sizeof(data));

		if (n < 0 && errno == EINTR)
			continue;
		open = type_piece(client, id, data, n < 0 ? 0 : (size_t)n, &err);
	}
	if (err.code != 0)
		(void)cli_fail(1, "the job's input: %s", err.msg);
	_exit(0);
}

/* ---- signals ---- */

static bool send_interrupt(struct client *client, const char *id)
{
	json_t *body = json_pack("{s:s}", "signal", "INT");
	json_t *reply = NULL;
	char path[128];
	struct err err;
	int r;

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/signal", id);
	r = client_call(client, "POST", path, body, &reply, &err);
	json_decref(body);
	json_decref(reply);
	return r == 0;
}

/* Before the program runs, and where it does not mind, Ctrl-C is what it is for any job. */
static _Noreturn void signals_main(struct client *client, const char *id, const sigset_t *told)
{
	int64_t last_us = -TWICE_US;
	int number;

	for (;;) {
		if (sigwait(told, &number) != 0)
			_exit(1);
		if (clock_us() - last_us < TWICE_US || !send_interrupt(client, id))
			(void)kill(getppid(), SIGUSR2);
		last_us = clock_us();
	}
}

/* ---- both ---- */

static pid_t start_one(const struct cli *cli, const char *id, const sigset_t *told)
{
	pid_t parent = getpid(), pid = fork();
	struct client *client = NULL;
	struct err err;

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGINT, SIG_IGN); /* the terminal tells it to all: the parent tells us */
	(void)signal(SIGTERM, SIG_DFL);
	if (getppid() != parent || cli_open(cli, &client, &err) < 0)
		_exit(1);
	if (told != NULL)
		signals_main(client, id, told);
	input_main(client, id);
}

int typist_start(const struct cli *cli, const char *id, struct typist *ret, struct err *err)
{
	struct typist typist = { 0 };
	sigset_t told, before;

	(void)sigemptyset(&told);
	(void)sigaddset(&told, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &told, &before); /* none is lost before it is waited for */
	typist.signals = start_one(cli, id, &told);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (typist.signals > 0)
		typist.input = start_one(cli, id, NULL);
	if (typist.signals < 0 || typist.input < 0) {
		(void)err_set(err, errno, "fork");
		typist_stop(&typist);
		return -err->code;
	}
	*ret = typist;
	return 0;
}

void typist_signal(const struct typist *typist)
{
	if (typist->signals > 0)
		(void)kill(typist->signals, SIGUSR1);
}

void typist_stop(struct typist *typist)
{
	pid_t *all[] = { &typist->input, &typist->signals };

	for (size_t i = 0; i < 2; i++) {
		if (*all[i] <= 0)
			continue;
		(void)kill(*all[i], SIGKILL);
		(void)waitpid(*all[i], NULL, 0);
		*all[i] = 0;
	}
}
