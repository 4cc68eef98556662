/* SPDX-License-Identifier: MIT */
/*
 * A job as its client asked for it, checked and in one record. Written by the
 * gateway, kept by the queue, obeyed by the driver. Large bytes (files, stdin,
 * expected outputs) are not in it: they stand one behind the other in the
 * job's `input` blob, and extents point there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "blob.h"
#include "common/config.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strv.h"

#define SPEC_VERSION    2                  /* 1, which lacks the last members, is read too */
#define SPEC_BYTES_MAX  (32 * 1024 * 1024) /* of the packed record */
#define SPEC_FILES_MAX  10000
#define SPEC_CASES_MAX  1000
#define SPEC_ARGS_MAX   4096
#define SPEC_ARG_BYTES  131071 /* MAX_ARG_STRLEN without its NUL, execve(2) */
#define SPEC_NAME_BYTES 1024   /* of a file, '/' included */

struct extent {
	uint64_t offset, len; /* within the input blob */
};

struct spec_file {
	char *name; /* owned; spec_file_name_check() holds */
	struct extent data;
	bool executable;
};

struct spec_case {
	char *name;       /* owned, NULL: its number, counted from 1 */
	struct strv args; /* behind the job's own args */
	struct strv env;
	bool has_stdin; /* else the job's */
	struct extent stdin_;
	bool has_expected;
	struct extent expected;
	struct limits limits; /* LIMIT_UNSET: the job's */
	enum compare compare; /* COMPARE_MAX_: the job's */
};

struct spec {
	char *task;          /* owned; "" where `image` is set */
	char *image;         /* owned, NULL: the task's */
	struct strv command; /* empty: the task's */
	struct strv args;
	struct strv env; /* NAME=value */
	bool has_build;  /* the request brings its own; else the task's, where it has one */
	struct strv build_command;
	struct limits build_limits;
	struct limits limits; /* what was asked for: LIMIT_UNSET elsewhere */
	struct extent stdin_;
	bool has_stdin;
	struct spec_file *files; /* owned */
	size_t n_files;
	struct spec_case *cases; /* owned; none: the job is its only case */
	size_t n_cases;
	bool stop_on_failure;
	enum compare compare; /* of cases that do not say; COMPARE_MAX_: the task's */
	bool has_collect;     /* else the task's */
	struct strv collect;  /* globs */
	bool network;         /* asked for; the task must allow it */
	struct strv labels;   /* name, value, name, value... */
	bool open_stdin;      /* input comes while the job runs; without cases and stdin_ only */
};

/* All empty, limits unset. */
void spec_init(struct spec *spec);
void spec_done(struct spec *spec);

/* The record; the caller frees it with blob_done(). */
int spec_pack(const struct spec *spec, struct blob *ret, struct err *err);

/*
 * Checks everything that the record itself can tell: counts, lengths, names,
 * extents within input_bytes. *ret is untouched on failure, else spec_done().
 */
int spec_unpack(
	const void *data, size_t n, uint64_t input_bytes, struct spec *ret, struct err *err);

/*
 * A name for a file in the workspace: relative, 1..SPEC_NAME_BYTES bytes, no
 * empty, "." or ".." component, no component over 255 bytes, no control
 * characters. -EINVAL says what is wrong with it.
 */
int spec_file_name_check(const char *name, size_t n, struct err *err);

/* A glob for `collect`: as a file name, with *, **, ? and [...]; brackets closed. */
int spec_glob_check(const char *glob, size_t n, struct err *err);

/* NAME=value: the name [A-Za-z_][A-Za-z0-9_]*, no NUL. */
int spec_env_check(const char *pair, struct err *err);
