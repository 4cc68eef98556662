/* SPDX-License-Identifier: MIT */
/*
 * Bytes on their way into a file of the queue's spool: gathered into writes that the file
 * system likes, hashed, and sent on to the disk as they come, so that little is left to
 * do when the last has come.
 *
 *	pour_begin(&pour, fd, &err);
 *	pour_add(&pour, data, n, &err);
 *	pour_take(&pour, &blob, &err);
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"

#define POUR_BUFFER (256U * 1024)

struct pour {
	int fd;           /* owned; -1: none */
	uint8_t *buffer;  /* owned, POUR_BUFFER bytes */
	size_t n;         /* bytes in it */
	uint64_t len;     /* bytes written */
	uint64_t pushed;  /* of those, how many the disk was asked to take */
	EVP_MD_CTX *hash; /* owned */
};

#define POUR_NONE ((struct pour){ .fd = -1 })

/* Takes the descriptor of an empty file, also where it fails. */
int pour_begin(struct pour *pour, int fd, struct err *err);
int pour_add(struct pour *pour, const void *data, size_t n, struct err *err);
/* What was added so far stands in the file then, where others may read it. */
int pour_flush(struct pour *pour, struct err *err);
/* All n bytes from an offset on, of those that were added; the file must be readable. */
int pour_read(const struct pour *pour, uint64_t offset, void *ret, size_t n, struct err *err);
/* The file as a blob that knows its hash; leaves POUR_NONE, also where it fails. */
int pour_take(struct pour *pour, struct blob *ret, struct err *err);
/* Releases, and leaves POUR_NONE. */
void pour_done(struct pour *pour);
