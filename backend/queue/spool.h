/* SPDX-License-Identifier: MIT */
/*
 * Large bytes of jobs: files in one directory, named by random hex.
 *
 * A file is made without a name (O_TMPFILE) and handed to whoever fills it;
 * nothing is left of it when that one dies. It comes back as a descriptor and is
 * sealed: length checked, hashed where whoever filled it has not, synced, linked, the
 * directory synced. Only then may a row name it. A file that no row names is removed at
 * the next start. Readers get descriptors of their own that cannot write.
 *
 * With a store that keeps large bytes itself (spool_use_store()) the files of others are
 * fetched from there, and where several machines share it, sealed ones go there: nothing
 * but nameless files is in the directory then.
 *
 * spool_seal(), spool_fetch() and spool_remove() are for any thread.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"
#include "wire/blob.h"

struct spool;

/* Makes the directory (0700) where it is missing. */
int spool_open(const char *path, struct spool **ret, struct err *err);
/* NULL is fine. */
void spool_close(struct spool *spool);

/* `shared`: sealed files go into the store. */
void spool_use_store(struct spool *spool, struct store *store, bool shared);

/* A new file without a name, open for reading and writing. */
int spool_new(struct spool *spool, int *ret_fd, struct err *err);

/*
 * Makes durable, or small enough for a row, what a blob holds: one of our own
 * nameless files is linked, other large ones are copied, up to BLOB_INLINE_MAX
 * bytes are read into memory. The blob stays the caller's, its bytes in memory are
 * taken where they can be. -EPROTO: not what it says it is.
 */
int spool_seal(struct spool *spool, struct blob *blob, struct store_blob *ret, struct err *err);

/*
 * Bytes of a row: in memory, or a descriptor for reading. -ENODATA: the file is not as it was.
 * -EINPROGRESS: it must be fetched from the store first, which takes its time.
 */
int spool_read(
	struct spool *spool, const struct store_blob *stored, struct blob *ret, struct err *err);

/* Such a file, from the store. -ENODATA: it is not there, or not as it was. */
int spool_fetch(
	struct spool *spool, const struct store_blob *stored, struct blob *ret, struct err *err);
/*
 * The same file for somebody who may only read it, while it grows; of spool_new() only.
 * -EPROTO: it is not one.
 */
int spool_reopen(struct spool *spool, int fd, int *ret_fd, struct err *err);
/* A nameless file of spool_new(), under the name that it has in a row. */
int spool_adopt(struct spool *spool, int fd, const char *name, struct err *err);
void spool_remove(struct spool *spool, const char *file);
/* Every name in there. */
int spool_each(struct spool *spool, store_file_fn *fn, void *arg, struct err *err);
/* Is such a file there? */
bool spool_has(struct spool *spool, const char *file);
