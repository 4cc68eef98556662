/* SPDX-License-Identifier: MIT */
/* A job's id: 32 bytes of the system's random source, written as 64 lower-case hex characters. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define JOB_ID_BYTES 32
#define JOB_ID_CHARS (2 * JOB_ID_BYTES)
#define JOB_ID_SHOWN 12 /* characters that lists show to others */

struct job_id {
	uint8_t b[JOB_ID_BYTES];
};

/* A new one from getrandom(2). */
int job_id_new(struct job_id *ret_id, struct err *err);
/* Writes 64 characters and a NUL. */
void job_id_format(const struct job_id *id, char ret[static JOB_ID_CHARS + 1]);
/* False unless `text` is 64 lower-case hex characters and nothing else; *ret_id untouched then. */
bool job_id_parse(const char *text, struct job_id *ret_id);
bool job_id_equal(const struct job_id *a, const struct job_id *b);
