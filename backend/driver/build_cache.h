/* SPDX-License-Identifier: MIT */
/*
 * What builds left behind, for jobs that would build the same again: a file for each, in a
 * directory that only the driver can enter, the ones unused longest removed first. What is in
 * there was written by a job's agent's collector and is given to other jobs as files, so it is
 * never opened, executed or believed here. Files are not synced: after another boot of the
 * machine all of them go.
 *
 *	found = build_cache_get(cache, &key, &entry);        else, once it was built:
 *	build_writer_new(cache, &key, &writer, &err);
 *	build_writer_file(writer, name, bytes, executable); build_writer_add(...); ...
 *	build_writer_keep(writer, &step, out, err);          takes the writer
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/blob.h"
#include "wire/result.h"
#include "wire/spec.h"

struct builds;
struct build_writer;

struct build_key {
	uint8_t b[32];
};

struct build_entry {
	struct blob blob;        /* owned */
	struct spec_file *files; /* owned; extents within the blob */
	size_t n_files;
	struct result result; /* of one step, the build; offsets of its output within the blob */
};

/* Makes the directory; -errno: it cannot be used. */
int build_cache_open(const char *dir, int64_t bytes_max, struct builds **ret, struct err *err);
void build_cache_free(struct builds *cache);
/* Bytes that one entry may have. */
uint64_t build_cache_entry_max(const struct builds *cache);

/* False: there is none, or none that can be read. Else build_entry_done(). */
bool build_cache_get(struct builds *cache, const struct build_key *key, struct build_entry *ret);
void build_entry_done(struct build_entry *entry);

int build_writer_new(struct builds *cache, const struct build_key *key, struct build_writer **ret,
	struct err *err);
/* The next file, of so many bytes, which build_writer_add() brings. */
int build_writer_file(struct build_writer *writer, const char *name, uint64_t bytes,
	bool executable, struct err *err);
/* -EPROTO: more than was said. */
int build_writer_add(struct build_writer *writer, const void *data, size_t n, struct err *err);
/* With the step's record and what it printed. Frees the writer in any case. */
int build_writer_keep(struct build_writer *writer, const struct step_result *step, const void *out,
	const void *err_out, struct err *err);
void build_writer_drop(struct build_writer *writer);
