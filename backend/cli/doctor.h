/* SPDX-License-Identifier: MIT */
/*
 * `dockgate doctor`: checks, each of which looks at one thing, says how it stands, and where it
 * is not right what that means and what to do about it. Nothing is changed; for tasks with GPUs a
 * container is made and removed, since only its start shows whether there are any.
 *
 * doctor.c is the command, with the configuration, the service and its ports; the others are the
 * engine with its images, what the service keeps, and the machine.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "common/config.h"

/* note: could be better, and nothing rests on it. Only FAIL makes the exit code 1. */
enum grade { GRADE_OK, GRADE_NOTE, GRADE_WARN, GRADE_FAIL };

struct cli;
struct client;

struct doctor {
	const struct cli *cli;
	struct config *config; /* NULL: it has mistakes */
	const char *config_path;
	const char *root; /* the machine's /proc, /sys and /usr are below it: "" but in tests */
	struct client *engine; /* NULL: not reachable */
	json_t *info;          /* the engine's; NULL */
	json_t *lines;
	size_t holes; /* known ones that were found */
	bool service_answers;
	bool failed;
};

/* One line: the check's name, how it stands, what to do (NULL: nothing). */
void doctor_say(struct doctor *d, enum grade grade, const char *check, const char *advice,
	const char *fmt, ...) __attribute__((__format__(__printf__, 5, 6)));

/* Opens d->engine and asks it. */
void doctor_engine(struct doctor *d);
void doctor_state(struct doctor *d);
/* The number in a file below d->root, -1 where there is none. */
int64_t doctor_number(const struct doctor *d, const char *path);
/* Kernel, memory, the cgroup of all jobs. */
void doctor_host(struct doctor *d);
