/* SPDX-License-Identifier: MIT */
/*
 * What the open turn is going to write of each job, where the store is this process's
 * alone. The moves of a job meet here, and the commit writes what came of them: a job that
 * is submitted, runs and ends in one turn is one row, written once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "store/store.h"

struct job;

struct pending {
	STAILQ_ENTRY(pending) next;
	struct job_id id;
	struct store_write write;               /* its row and blobs are the ones below */
	struct store_job row;                   /* as struct store_write says */
	bool written;                           /* into the open transaction */
	struct store_blob blobs[JOB_BLOB_MAX_]; /* owned; what a new job came with */
	UT_hash_handle hh;
};

STAILQ_HEAD(pendings, pending);

struct pending_set {
	struct pendings list;  /* in the order in which they are written; owns them */
	struct pending *by_id; /* hash */
	uint64_t next_seq;     /* of the next new job */
};

void pending_init(struct pending_set *set);
/* A new job, which gets its seq; the bytes of `blobs` are taken over. NULL: no memory. */
struct pending *pending_insert(
	struct pending_set *set, struct store_job *row, struct store_blob *blobs);
/* The moves of a job that is in memory. NULL: no memory. */
struct pending *pending_of(struct pending_set *set, const struct job *job);
/* NULL: the row says all that there is. */
struct pending *pending_find(const struct pending_set *set, const struct job_id *id);
/* Writes all that has not been written yet into the store's open transaction. */
int pending_write(struct pending_set *set, struct store *store, struct err *err);
/* Takes all out, to be released with pending_free_all(). */
struct pendings pending_take(struct pending_set *set);
void pending_free_all(struct pendings *list);
