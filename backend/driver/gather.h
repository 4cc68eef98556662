/* SPDX-License-Identifier: MIT */
/*
 * What comes out of a job: stdout, stderr and files, each one blob. Small ones
 * stay in memory; a larger one goes to a file of the queue's spool as it comes.
 * While that file is asked for, bytes wait here; gather_waiting() says how many,
 * so that reading can stop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/blob.h"
#include "wire/msg.h"
#include "wire/pour.h"

#define GATHER_PAUSE (1024 * 1024) /* bytes that may wait for a spool file */

enum gather_sink { GATHER_OUT, GATHER_ERR, GATHER_FILES, GATHER_MAX_ };

struct sink {
	uint8_t *memory; /* owned */
	size_t len, cap;
	struct pour pour; /* into the spool's file, once there is one */
	bool asked;       /* a file is wanted: the owner asks the queue */
	uint64_t total;   /* bytes taken in all */
};

struct gather {
	struct sink sinks[GATHER_MAX_];
};

void gather_init(struct gather *gather);
void gather_done(struct gather *gather);

/* -ENOMEM, or the file's error. *ret_ask: this sink wants a spool file now (once). */
int gather_add(struct gather *gather, enum gather_sink which, const void *data, size_t n,
	bool *ret_ask, struct err *err);
/*
 * Somebody wants to read the sink while it grows: a file for it, whatever its size. True: the
 * owner asks the queue for one now.
 */
bool gather_want_file(struct gather *gather, enum gather_sink which);
/*
 * No file is to come for a sink that asked: true where it can do without one. It must not be
 * given one then.
 */
bool gather_do_without(struct gather *gather, enum gather_sink which);
/*
 * All bytes of the sink are in its file, for others to read: its descriptor, which stays the
 * sink's, or -1 where it has none.
 */
int gather_shown(struct gather *gather, enum gather_sink which, int *ret_fd, struct err *err);
bool gather_has_file(const struct gather *gather, enum gather_sink which);
/* The spool file for a sink that asked; takes it over. */
int gather_give(struct gather *gather, enum gather_sink which, int fd, struct err *err);
/* Bytes in memory of sinks that wait for a file; whether any does. */
size_t gather_waiting(const struct gather *gather);
bool gather_is_settled(const struct gather *gather);
/* All n bytes from an offset on, of those that were added: 0 or -errno. */
int gather_read(const struct gather *gather, enum gather_sink which, uint64_t offset, void *ret,
	size_t n, struct err *err);
uint64_t gather_total(const struct gather *gather, enum gather_sink which);
/* The sink's bytes as a blob; the sink is empty afterwards. It must be settled. */
int gather_take(struct gather *gather, enum gather_sink which, struct blob *ret, struct err *err);

enum job_blob gather_kind(enum gather_sink sink);
