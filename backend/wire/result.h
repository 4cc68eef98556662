/* SPDX-License-Identifier: MIT */
/*
 * What came of a job, in one record. Written by the driver, kept by the queue,
 * shown by the gateway. The bytes themselves are in the job's blobs `out`,
 * `err` and `files`: the steps run one after the other, so that each step's
 * stdout is one piece of `out`, its stderr one of `err`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "blob.h"
#include "common/config.h"
#include "common/verdict.h"

#define RESULT_VERSION        2
#define RESULT_VERSION_OLDEST 1 /* that a store may still have */
#define RESULT_BYTES_MAX      (32 * 1024 * 1024)
#define RESULT_FILES_MAX      100000
#define CHECKER_MESSAGE_MAX   1024 /* bytes */

struct stream_result {
	uint64_t offset; /* within out or err */
	uint64_t bytes;  /* kept there */
	uint64_t cut;    /* written by the program past the cap, and thrown away */
};

struct step_result {
	bool build;
	char *name; /* owned; NULL for the build and for a job without cases */
	struct finding finding;
	int exit_code; /* -1: none, a signal ended it */
	int signal;    /* 0: none */
	int64_t wall_us, cpu_us, memory_peak_bytes, processes_peak;
	struct stream_result out, err;
	char *note;            /* owned, NULL: none; why a program could not be started */
	bool cached;           /* a build that was not run: this is what it came to before */
	char *checker_message; /* owned, NULL: no checker was asked; any text but NUL */
};

struct file_result {
	char *name;             /* owned; any bytes but NUL and '/' at its start */
	uint64_t offset, bytes; /* within the blob `files` */
	uint8_t sha256[32];
};

struct skipped_result {
	char *name;   /* owned */
	char *reason; /* owned */
};

struct result {
	struct finding finding; /* the job's: of its first step that is not ok */
	size_t deciding;        /* index of that step; the last one where all are ok */
	char *error;            /* owned; engine_error only, else NULL */
	char *image;            /* owned; the digest it ran with, or NULL */
	enum isolation isolation;
	struct step_result *steps; /* owned: the build first, where there is one */
	size_t n_steps;
	struct file_result *files; /* owned */
	size_t n_files;
	struct skipped_result *skipped; /* owned */
	size_t n_skipped;
};

void result_init(struct result *result);
void result_done(struct result *result);
int result_pack(const struct result *result, struct blob *ret, struct err *err);
/* Range-checks all; extents lie within the given lengths. *ret untouched on failure. */
int result_unpack(const void *data, size_t n, uint64_t out_bytes, uint64_t err_bytes,
	uint64_t files_bytes, struct result *ret, struct err *err);
