/* SPDX-License-Identifier: MIT */
/* What came of a job, for people and for shells. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "client.h"

/*
 * The exit code of `dockgate run` for a job that has ended: its own; 128 + n for a
 * signal; 124 for cpu and wall time; 137 for another limit that it was killed for; 1 for
 * wrong output; 125 where the fault is ours or it was cancelled.
 */
int job_exit_code(const json_t *job);

/* One sentence on the ending, with the limit, its configured and measured value. Nothing for `ok`.
 */
void job_explain(const json_t *job, FILE *out);

/* A whole id out of one or out of a prefix of the caller's own jobs. ret: 65 bytes. */
int job_find(struct client *client, const char *prefix, char *ret, struct err *err);

/* Long polls until the job has ended; *ret is the caller's. */
int job_await(struct client *client, const char *id, json_t **ret, struct err *err);

/* The stream "stdout" or "stderr" to a descriptor, as the bytes they are. */
int job_stream(struct client *client, const char *id, const char *stream, int fd, struct err *err);

/* All files of the job below `dir`, which is made. Never outside of it, never over a link. */
int job_save_files(
	struct client *client, const char *id, const char *dir, size_t *ret_n, struct err *err);
