/* SPDX-License-Identifier: MIT */
/* The store in SQLite: shared by its files (store_sqlite.c, sqlite_*.c) and nobody else. */
#pragma once

#include <sqlite3.h>

#include "common/cleanup.h"
#include "sqlite_statements.h"
#include "store_ops.h"

struct sqlite {
	struct store store;              /* first: the two are the same pointer */
	sqlite3 *db;                     /* owned */
	sqlite3 *checkpointer;           /* owned; used by store_checkpoint() only */
	sqlite3_stmt *prepared[ST_MAX_]; /* owned; NULL until first used */
	int wal_frames;                  /* in the WAL after the last commit */
	int moved_frames; /* of those, by the last checkpoint; its thread's until it has ended */
};

static inline struct sqlite *sqlite_of(struct store *store)
{
	return (struct sqlite *)store;
}

/* --- sqlite_link.c: a connection, its statements and transactions --- */

/* Makes the file where it is missing; sqlite3_close() is for the caller. */
int sqlite_open_connection(const char *where, sqlite3 **ret, struct err *err);
/* SQL without values and without an answer. */
int sqlite_exec(sqlite3 *db, const char *sql, struct err *err);
/* An errno for a result code of SQLite: EUCLEAN only where no disk failed below. */
int sqlite_errno(sqlite3 *db, int rc);
/* An error for a result code of SQLite; db: NULL where there is none. */
int sqlite_fail(sqlite3 *db, int rc, const char *what, struct err *err);

/* A statement ready for binding; cleanup_stmt ends its use. */
int sqlite_prepare(struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err);
/* Only within a transaction. */
int sqlite_prepare_write(
	struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err);
void sqlite_finish_p(sqlite3_stmt **stmt);
#define cleanup_stmt CLEANUP(sqlite_finish_p)

/* Values, which are not copied: they stay until the statement is done with. Text: NULL is "". */
void sqlite_bind_int(sqlite3_stmt *stmt, int n, int64_t v);
void sqlite_bind_text(sqlite3_stmt *stmt, int n, const char *text);
void sqlite_bind_bytes(sqlite3_stmt *stmt, int n, const void *data, size_t len);

/* 1: a row is there; 0: no more; negative. */
int sqlite_step(struct sqlite *s, sqlite3_stmt *stmt, struct err *err);
/* One row changed, or -ESTALE: somebody else's move came first. */
int sqlite_step_fenced(struct sqlite *s, sqlite3_stmt *stmt, uint64_t seq, struct err *err);

/* Columns of the row that is there; what cannot be is replaced. Text: cut at size - 1. */
void sqlite_column_text(sqlite3_stmt *stmt, int n, char *ret, size_t size);
void sqlite_column_id(sqlite3_stmt *stmt, int n, struct job_id *ret);
enum verdict sqlite_column_verdict(sqlite3_stmt *stmt, int n);
enum callback_state sqlite_column_callback(sqlite3_stmt *stmt, int n);

int sqlite_begin(struct store *store, struct err *err);
int sqlite_commit(struct store *store, struct err *err);
void sqlite_rollback(struct store *store);
int sqlite_read_begin(struct store *store, struct err *err);
void sqlite_read_end(struct store *store);

/* --- sqlite_schema.c: what the file must be --- */

/* -EUCLEAN: it is damaged. */
int sqlite_check_sound(sqlite3 *db, const char *where, struct err *err);
/* Makes what is missing, brings an older schema up to this one. -EPROTO: it is newer. */
int sqlite_check_schema(sqlite3 *db, const char *where, struct err *err);

/* --- sqlite_keys.c: what makes submits safe to repeat --- */

int sqlite_job_withdraw(struct store *store, uint64_t seq, struct err *err);
int sqlite_key_put(struct store *store, const struct store_key *key, bool *ret, struct err *err);
int sqlite_key_get(struct store *store, const char *client, const char *name, struct store_key *ret,
	struct err *err);
int sqlite_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err);
int sqlite_key_remove(struct store *store, uint64_t seq, struct err *err);

/* --- sqlite_outbox.c: endings that are announced --- */

int sqlite_callback_put(
	struct store *store, const struct store_callback *callback, struct err *err);
int sqlite_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err);
int sqlite_callback_start(struct store *store, uint64_t seq, int64_t age_ms, struct err *err);
int sqlite_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err);
int sqlite_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err);
int sqlite_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err);
int sqlite_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err);

/* --- sqlite_blobs.c: a job's bytes --- */

int sqlite_blob_put(struct store *store, uint64_t seq, enum job_blob kind,
	const struct store_blob *blob, struct err *err);
int sqlite_blob_get(struct store *store, uint64_t seq, enum job_blob kind, struct store_blob *ret,
	struct err *err);
int sqlite_blobs_get(
	struct store *store, uint64_t seq, unsigned want, struct store_blob *ret, struct err *err);
int sqlite_blob_sizes(struct store *store, uint64_t seq, uint64_t *ret, struct err *err);

/* --- sqlite_kept.c: the end of a job's stay --- */

int sqlite_oldest_done(struct store *store, const char *client, size_t limit,
	struct store_done *ret, size_t *ret_n, struct err *err);
int sqlite_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err);
int sqlite_expired(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err);
int sqlite_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err);
int sqlite_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err);
int sqlite_file_named(struct store *store, const char *file, bool *ret, struct err *err);
int sqlite_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err);

/* --- sqlite_clients.c: clients, and who did what --- */

int sqlite_client_add(struct store *store, const struct store_client *client, struct err *err);
int sqlite_client_delete(struct store *store, const char *name, struct err *err);
int sqlite_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err);
int sqlite_pause_set(struct store *store, const char *task, bool paused, struct err *err);
int sqlite_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err);
int sqlite_audit_add(struct store *store, const struct store_audit *entry, struct err *err);
int sqlite_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err);

/* --- sqlite_upkeep.c: the WAL and its checkpoints --- */

/* For sqlite3_wal_hook(): after each commit, with the number of frames in the WAL. */
int sqlite_on_wal(void *arg, sqlite3 *db, const char *name, int frames);
uint64_t sqlite_bytes(struct store *store);
bool sqlite_wants_checkpoint(struct store *store);
int sqlite_checkpoint(struct store *store, struct err *err);
int sqlite_checkpoint_rest(struct store *store, struct err *err);
