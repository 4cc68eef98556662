/* SPDX-License-Identifier: MIT */
/* A job as the command line describes it, for `run` and `submit`. */
#pragma once

#include <jansson.h>

#include "cli.h"
#include "client.h"
#include "common/err.h"
#include "common/strv.h"

struct job_request {
	json_t *job;       /* owned; without files and stdin */
	struct strv files; /* paths */
	struct strv names; /* theirs in the job */
	const char *stdin_path;
	const char *key;  /* NULL: none */
	char *stdin_data; /* owned; what came through a pipe */
	size_t stdin_n;
	bool interactive; /* its stdin is open: what comes is sent while it runs */
};

enum {
	OPT_LIMIT = OPT_OWN,
	OPT_ENV,
	OPT_STDIN,
	OPT_COLLECT,
	OPT_LABEL,
	OPT_PRIORITY,
	OPT_NETWORK,
	OPT_CALLBACK,
	OPT_KEY,
	OPT_STOP,
	OPT_JOB_LAST_,
};

#define JOB_OPTIONS                                                      \
	{ "limit", required_argument, NULL, OPT_LIMIT },                 \
		{ "env", required_argument, NULL, OPT_ENV },             \
		{ "stdin", required_argument, NULL, OPT_STDIN },         \
		{ "collect", required_argument, NULL, OPT_COLLECT },     \
		{ "label", required_argument, NULL, OPT_LABEL },         \
		{ "priority", required_argument, NULL, OPT_PRIORITY },   \
		{ "callback", required_argument, NULL, OPT_CALLBACK },   \
		{ "idempotency-key", required_argument, NULL, OPT_KEY }, \
	{                                                                \
		"network", no_argument, NULL, OPT_NETWORK                \
	}

#define JOB_HELP                                                                           \
	"  --limit NAME=N   cpu_ms, wall_ms, memory_bytes, processes, output_bytes,\n"     \
	"                   file_bytes, disk_bytes, open_files, cpus; 64M and 0.5 work\n"  \
	"  --env NAME=VALUE added to the job's environment\n"                              \
	"  --stdin FILE     the job's standard input; - or a pipe: ours\n"                 \
	"  --collect GLOB   files to bring back\n"                                         \
	"  --label NAME=VALUE  given back with the job\n"                                  \
	"  --priority N     0 to 9: before our other jobs\n"                               \
	"  --callback URL   where its ending is announced\n"                               \
	"  --idempotency-key KEY  handed in again with the same key, it is the same job\n" \
	"  --network        with a network, where the task has one\n"

#define ARGS_HELP                                                                        \
	"FILE is a path, sent under its last part, or NAME=PATH. The first one is the\n" \
	"program. What stands behind -- are the program's arguments.\n\n"

int job_request_init(struct job_request *rq, struct err *err);
void job_request_done(struct job_request *rq);

/* One of JOB_OPTIONS. -EINVAL with words for the person who typed it. */
int job_request_option(struct job_request *rq, int opt, const char *arg, struct err *err);

/* TASK [FILE...], then the arguments behind "--". */
int job_request_words(struct job_request *rq, int n_words, char **words, int n_args, char **args,
	struct err *err);

/* Hands it in: as JSON, or as a form where there is much to send. *ret: the answer. */
int job_request_send(struct job_request *rq, struct client *client, json_t **ret, struct err *err);
