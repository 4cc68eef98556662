/* SPDX-License-Identifier: MIT */
/* The store in MariaDB: shared by its files (store_mariadb.c, mariadb_*.c) and nobody else. */
#pragma once

#include <pthread.h>

#include "mariadb_link.h"
#include "mariadb_redo.h"
#include "store_ops.h"

#define MARIADB_SPARES 4 /* connections kept for other threads */

struct mariadb {
	struct store store; /* first: the two are the same pointer */
	struct mariadb_dsn dsn;
	struct mariadb_link *link; /* owned; the writing one. NULL while the database is away */
	uint64_t writer;           /* this store's number in the journal */
	uint64_t txn;              /* of the transaction that is open, or was last */
	bool open;                 /* a transaction is */
	unsigned repeats;          /* of that transaction */
	struct redo redo;          /* what it has written */
	uint64_t *touched;         /* owned; jobs that it moved */
	size_t n_touched, touched_cap;
	char node[65]; /* "": the store is this process's alone */
	unsigned since_upkeep;
	pthread_mutex_t lock;         /* guards all below */
	struct mariadb_link *revived; /* owned; a new writing one, made in another thread */
	struct mariadb_link *spare[MARIADB_SPARES]; /* owned */
	size_t n_spare;
	bool away;     /* the database is, as far as we know */
	char why[400]; /* it is */
};

static inline struct mariadb *mariadb_of(struct store *store)
{
	return (struct mariadb *)store;
}

/* --- mariadb_session.c: connections and transactions --- */

/* A connection for the writing thread, with the locks that say whose the database is. */
int mariadb_dial(struct mariadb *m, struct mariadb_link **ret, struct err *err);
/* One for any thread, and back. */
int mariadb_take(struct mariadb *m, struct mariadb_link **ret, struct err *err);
void mariadb_put(struct mariadb *m, struct mariadb_link *link);

int mariadb_begin(struct store *store, struct err *err);
int mariadb_commit(struct store *store, struct err *err);
void mariadb_rollback(struct store *store);
int mariadb_read_begin(struct store *store, struct err *err);
void mariadb_read_end(struct store *store);
int mariadb_revive(struct store *store, struct err *err);
void mariadb_drop_connections(struct mariadb *m);

/*
 * A statement of the open transaction, repeated with all before it where the server
 * rolled them back or went away. `changed`: rows it must find, else -ESTALE; MARIADB_ANY.
 */
#define MARIADB_ANY UINT64_MAX
int mariadb_write(struct mariadb *m, enum statement which, const struct cell *in, size_t n,
	uint64_t changed, struct done *ret, struct err *err);
/* A query within or outside a transaction; its rows are in m->link. */
int mariadb_read(
	struct mariadb *m, enum statement which, const struct cell *in, size_t n, struct err *err);
/* The open transaction moves that job: others will be told. 0: one that they need not look at. */
int mariadb_touch(struct mariadb *m, uint64_t seq, struct err *err);

/* --- mariadb_keys.c: what makes submits safe to repeat --- */

int mariadb_key_put(struct store *store, const struct store_key *key, bool *ret, struct err *err);
int mariadb_key_get(struct store *store, const char *client, const char *name,
	struct store_key *ret, struct err *err);
int mariadb_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err);
int mariadb_key_remove(struct store *store, uint64_t seq, struct err *err);
int mariadb_job_withdraw(struct store *store, uint64_t seq, struct err *err);

/* --- mariadb_outbox.c: endings that are announced --- */

int mariadb_callback_put(
	struct store *store, const struct store_callback *callback, struct err *err);
int mariadb_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err);
int mariadb_callback_start(struct store *store, uint64_t seq, int64_t age_ms, struct err *err);
int mariadb_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err);
int mariadb_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err);
int mariadb_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err);
int mariadb_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err);

/* --- mariadb_files.c: large bytes in rows --- */

int mariadb_file_put(
	struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
int mariadb_file_get(
	struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
int mariadb_file_remove(struct store *store, const char *name, struct err *err);

/* --- mariadb_clients.c: clients, and who did what --- */

int mariadb_client_add(struct store *store, const struct store_client *client, struct err *err);
int mariadb_client_delete(struct store *store, const char *name, struct err *err);
int mariadb_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err);
int mariadb_pause_set(struct store *store, const char *task, bool paused, struct err *err);
int mariadb_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err);
int mariadb_audit_add(struct store *store, const struct store_audit *entry, struct err *err);
int mariadb_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err);

/* --- mariadb_follow.c: what other machines do --- */

int mariadb_follow(
	struct store *store, uint64_t *last, store_seq_fn *fn, void *arg, struct err *err);
int mariadb_follow_start(struct store *store, uint64_t *ret_last, struct err *err);
int mariadb_age_sync(struct store *store, int64_t mine_ms, int64_t *ret_ms, struct err *err);
