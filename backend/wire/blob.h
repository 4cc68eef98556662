/* SPDX-License-Identifier: MIT */
/*
 * A string of bytes on its way between roles: in memory while small, behind a
 * descriptor (a spool file or a sealed memfd) when large. Read with pread(2),
 * never mapped: a peer that truncates the file gets an error, not our SIGBUS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define BLOB_INLINE_MAX (64 * 1024) /* bytes that may live in memory and in a row */

struct blob {
	uint64_t len;
	uint8_t *data; /* owned; NULL where fd >= 0 or len is 0 */
	int fd;        /* owned; -1: inline */
	bool hashed;   /* sha256 is that of all of the file's bytes, as whoever wrote them says */
	uint8_t sha256[32];
};

#define BLOB_EMPTY ((struct blob){ .fd = -1 })

/* A copy of n bytes. n may be more than BLOB_INLINE_MAX: sending makes a memfd of it. */
int blob_of(const void *data, size_t n, struct blob *ret, struct err *err);
/* Takes the descriptor. */
struct blob blob_of_fd(int fd, uint64_t len);
/* Reads n bytes at offset, all of them or -errno (-ENODATA when the file is shorter than it said).
 */
int blob_read(const struct blob *blob, uint64_t offset, void *ret, size_t n, struct err *err);
/* All of it in memory, refused above `max`. Caller frees *ret_data (never NULL on success, NUL
 * after it). */
int blob_read_all(const struct blob *blob, uint64_t max, uint8_t **ret_data, struct err *err);
/* Own descriptor on the same file, or a copy of the bytes. */
int blob_dup(const struct blob *blob, struct blob *ret, struct err *err);
/* Releases and leaves BLOB_EMPTY. Zeroed memory must not be passed: fd 0 is a descriptor. */
void blob_done(struct blob *blob);

#define cleanup_blob __attribute__((__cleanup__(blob_done)))
