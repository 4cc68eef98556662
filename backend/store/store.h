/* SPDX-License-Identifier: MIT */
/*
 * The durable truth: jobs, their bytes, the log of their moves.
 *
 *	store_open("sqlite", "queue/dockgate.db", &store, &err);
 *	store_begin(store, &err);
 *	store_job_insert(store, &job, blobs, &err);
 *	store_commit(store, &err);
 *
 * Backends stand behind one ops struct (store_ops.h); tests/unit/test_store.c
 * runs the same suite against each. Called from one thread, except where it says
 * "any thread". All writes are within store_begin() and store_commit().
 * A write that fails for another reason than -ESTALE spoils its transaction:
 * call store_rollback().
 *
 * Moves are fenced: each names the attempt it believes in and the state it
 * starts from, and changes nothing (-ESTALE) where the row says otherwise.
 * Stamps named *_unix_ms are for people; *_age_ms are of the service's own clock
 * (queue/age.h), which no wall clock can move.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/callback.h"
#include "common/client.h"
#include "common/config.h"
#include "common/err.h"
#include "common/job_id.h"
#include "common/job_state.h"
#include "common/prom.h"
#include "common/verdict.h"
#include "wire/msg.h"

#define STORE_SCHEMA     2  /* of every backend */
#define STORE_FILE_CHARS 40 /* of a spool file's name */
#define STORE_META_MAX   200
#define STORE_CLIENT_MAX 64
#define STORE_ERROR_MAX  1000
#define STORE_SHA256     32
#define STORE_KEY_MAX    255
#define STORE_AUDIT_MAX  100000     /* entries: older ones go */
#define STORE_SETTINGS   UINT64_MAX /* in place of a seq: what is of no one job has changed */

struct store;

/* One job's row. */
struct store_job {
	struct job_id id;
	uint64_t seq;                      /* the order of arrival; given by the store */
	char client[STORE_CLIENT_MAX + 1]; /* "" for anonymous */
	char task[TASK_NAME_MAX + 1];      /* "" where the request names its own image */
	bool classic;                      /* came by the classic face */
	enum job_state state;
	enum verdict verdict; /* VERDICT_MAX_ until done */
	uint32_t attempt;     /* fencing token: counts hand-overs to a driver */
	uint32_t failures;    /* attempts that were lost or that the engine failed */
	uint32_t priority;
	int64_t cpus, memory_bytes;                                /* what admission reckons with */
	int64_t queued_unix_ms, started_unix_ms, finished_unix_ms; /* 0: not yet */
	int64_t retention_s;
	int64_t expires_age_ms; /* 0 until done */
	char node[65];
	uint64_t driver; /* instance that holds the lease, 0: none */
	int64_t lease_until_age_ms;
	char image[256];
	enum isolation isolation;
	char error[STORE_ERROR_MAX + 1];
	uint64_t bytes;               /* of all its blobs, those of its ending included */
	char trace[TRACE_CHARS + 1];  /* a traceparent; "" for none */
	enum callback_state callback; /* what comes of announcing its ending */
};

/* Bytes of a job: in the row, or in a file of the spool. */
struct store_blob {
	uint64_t bytes;
	uint8_t *data;                   /* owned; NULL where `file` is set or bytes is 0 */
	char file[STORE_FILE_CHARS + 1]; /* "" : in the row */
	uint8_t sha256[STORE_SHA256];    /* of a file's content */
};

/* A row of a list. */
struct store_row {
	struct job_id id;
	uint64_t seq;
	char task[TASK_NAME_MAX + 1];
	enum job_state state;
	enum verdict verdict;
	uint32_t priority;
	int64_t queued_unix_ms, started_unix_ms, finished_unix_ms;
	int64_t expires_age_ms;
	char node[65];
	char client[STORE_CLIENT_MAX + 1];
	enum callback_state callback;
};

/* A job that is done, as far as its removal is concerned. */
struct store_done {
	uint64_t seq;
	uint64_t bytes;
	int64_t ended_age_ms;
	char client[STORE_CLIENT_MAX + 1];
};

/* The log of moves. The order is stored; append only. */
enum store_event {
	STORE_EVENT_QUEUED,
	STORE_EVENT_RUNNING,
	STORE_EVENT_STARTED,
	STORE_EVENT_REQUEUED,
	STORE_EVENT_DONE,
	STORE_EVENT_AUDITED, /* somebody did something to it; data: what, who */
	STORE_EVENT_MAX_,
};

/* A client that was made at run time. */
struct store_client {
	struct client client;
	int64_t made_unix_ms;
};

/* Who did what, beyond what every job does. */
struct store_audit {
	uint64_t n; /* their order; given by the store */
	int64_t at_unix_ms;
	char who[STORE_CLIENT_MAX + 1];
	char what[33];
	char object[STORE_CLIENT_MAX + 1]; /* a job's short id, a client, a task, or "" */
	char detail[201];
};

struct store_ending {
	enum job_state from; /* JOB_RUNNING, or JOB_QUEUED for what never ran */
	enum verdict verdict;
	const char *error;        /* may be NULL */
	const char *image;        /* NULL or "": as it was */
	enum isolation isolation; /* taken where image is */
	int64_t finished_unix_ms;
	int64_t expires_age_ms;
	uint32_t failures;
	int64_t callback_age_ms; /* from when on it is announced; 0: it need not be */
};

/* All that one transaction does to one job, for a store that nobody else writes to. */
struct store_write {
	bool insert;             /* a new job, with row->seq of store_next_seq() */
	enum job_state from;     /* else what the row says now, with the attempt: -ESTALE */
	uint32_t from_attempt;   /* where it does not */
	unsigned events;         /* bits 1 << enum store_event: what has happened */
	int64_t running_unix_ms; /* when STORE_EVENT_RUNNING did; the others are stamped in row */
	/* As it is now, bytes included. Not for a new job: node and started_unix_ms are taken with
	 * RUNNING and STARTED, image and isolation where image is not "", error with DONE. */
	const struct store_job *row;
	const struct store_blob *blobs, *results; /* JOB_BLOB_MAX_ each; NULL: none */
	int64_t callback_age_ms;                  /* with STORE_EVENT_DONE, as in store_ending */
};

/* What makes a submit safe to repeat: one job for each of a client's keys. */
struct store_key {
	char client[STORE_CLIENT_MAX + 1];
	char name[STORE_KEY_MAX + 1];
	uint8_t fingerprint[STORE_SHA256]; /* of the request */
	uint64_t seq;                      /* the job */
};

/* The outbox: an ending that is to be announced, or was. */
struct store_callback {
	uint64_t seq;
	struct job_id id;
	char client[STORE_CLIENT_MAX + 1];
	int64_t retention_s;
	char url[CALLBACK_URL_MAX + 1];
	uint32_t attempts;    /* that came to something */
	int64_t ended_age_ms; /* 0: the job has not ended */
	/* When it is tried next; INT64_MAX: never. Whoever tries it sets it ahead first, and has
	 * in it the fencing token of that attempt. */
	int64_t due_age_ms;
	char error[CALLBACK_ERROR_MAX + 1]; /* of the last attempt */
};

/* What calls are counted as. X(id, name) */
#define STORE_CALLS(X)      \
	X(COMMIT, "commit") \
	X(INSERT, "insert") \
	X(MOVE, "move")     \
	X(WRITE, "write")   \
	X(LEASES, "leases") \
	X(GET, "get")       \
	X(BLOBS, "blobs")   \
	X(LIST, "list")     \
	X(EXPIRY, "expiry") \
	X(DELETE, "delete")

enum store_call {
#define X(id, name) STORE_CALL_##id,
	STORE_CALLS(X)
#undef X
		STORE_CALL_MAX_,
};

const char *store_call_name(enum store_call call);

/* Counted since the store was opened. */
struct store_counts {
	struct prom_histogram took[STORE_CALL_MAX_];
	uint64_t failed[STORE_CALL_MAX_]; /* but for what the caller may expect: -ENOENT, -ESTALE,
					     -EEXIST */
	uint64_t commits, failed_commits, commit_us, commit_us_max;
};

/*
 * `backend`: "sqlite"; `where`: its file, relative to the working directory. Or "mariadb"
 * and a connection string (mariadb_dsn.h). Makes what is missing, checks what is there.
 * -EPROTO: the schema is newer than this program. -EUCLEAN: the file is damaged.
 * -EBUSY: another process has the database.
 */
int store_open(const char *backend, const char *where, struct store **ret, struct err *err);
/* For several machines, each with a node's name of its own. -EINVAL: it cannot be shared. */
int store_open_shared(const char *backend, const char *where, const char *node, struct store **ret,
	struct err *err);
bool store_is_shared(const struct store *store);
/* NULL is fine. Rolls back what was not committed. */
void store_close(struct store *store);

int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/*
 * Several reads in a row between these two see the same moment and cost one
 * lock. Within a write transaction they change nothing. No write in between.
 */
int store_read_begin(struct store *store, struct err *err);
void store_read_end(struct store *store);
struct store_counts store_counts(const struct store *store);
/* After a store_commit() that failed: nobody knows yet whether it was committed. */
bool store_outcome_unknown(const struct store *store);
/*
 * While the store fails: tries to reach it again, as long as that takes. Any thread. The
 * calls of the store's own thread fail at once until this has been done.
 */
int store_revive(struct store *store, struct err *err);

/* Values of the store's own: "boot_id", "age". *ret is "" where there is none. */
int store_meta_get(
	struct store *store, const char *key, char ret[static STORE_META_MAX + 1], struct err *err);
int store_meta_set(struct store *store, const char *key, const char *value, struct err *err);

/*
 * A new job, queued: job->seq is filled in. blobs: JOB_BLOB_MAX_ of them, the
 * empty ones are not stored. -EEXIST: the id is taken.
 */
int store_job_insert(struct store *store, struct store_job *job, const struct store_blob *blobs,
	struct err *err);
/* -ENOENT */
int store_job_get(
	struct store *store, const struct job_id *id, struct store_job *ret, struct err *err);
int store_job_get_seq(struct store *store, uint64_t seq, struct store_job *ret, struct err *err);
/*
 * Of a job that was inserted in this transaction: gone again, whatever it had. For one whose
 * key another machine has taken meanwhile.
 */
int store_job_withdraw(struct store *store, uint64_t seq, struct err *err);
/*
 * The key of a job whose row is there. It goes when the job does. -EEXIST: it is taken;
 * nothing was written, and the transaction is sound.
 */
int store_key_put(struct store *store, const struct store_key *key, struct err *err);
/* Who has it, and with which request. -ENOENT: nobody. */
int store_key_get(struct store *store, const char *client, const char *name, struct store_key *ret,
	struct err *err);
/* That of a job. -ENOENT: it came without. */
int store_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err);
/* The job stays, without it. */
int store_key_remove(struct store *store, uint64_t seq, struct err *err);
/*
 * Endings that are announced. The row is put beside the job's, with CALLBACK_PENDING in that;
 * the ending makes it due (store_ending), and it goes with the job. -ENOENT: there is none.
 */
int store_callback_put(struct store *store, const struct store_callback *callback, struct err *err);
int store_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err);
/* What is due by then, the longest waiting first: at most `limit`. */
int store_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err);
/* When the next one is due; INT64_MAX: none will be. */
int store_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err);
/*
 * From callback->due_age_ms, which it must still be (-ESTALE), to another time; attempts and
 * error are written as they are.
 */
int store_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err);
/*
 * It is over, delivered or failed, and the job goes when it says. -ESTALE: it was over before.
 * Whoever has tried it may say so, whatever its due_age_ms is now.
 */
int store_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err);
/* queued -> running, with attempt + 1. */
int store_job_claim(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
	uint64_t driver, int64_t lease_until_age_ms, struct err *err);
int store_job_started(struct store *store, uint64_t seq, uint32_t attempt, int64_t started_unix_ms,
	const char *image, enum isolation isolation, struct err *err);
/* running -> queued, at its old place. */
int store_job_requeue(struct store *store, uint64_t seq, uint32_t attempt, uint32_t failures,
	const char *reason, struct err *err);
/* -> done, with what came of it: blobs as in store_job_insert(), NULL for none. */
int store_job_end(struct store *store, uint64_t seq, uint32_t attempt,
	const struct store_ending *ending, const struct store_blob *blobs, struct err *err);
/*
 * The moves above, several at once, where nobody else writes to the store: false, and the
 * other two must not be called, where somebody may.
 */
bool store_is_ours(const struct store *store);
/* The seq that the next new job may have, and all above it. */
int store_next_seq(struct store *store, uint64_t *ret, struct err *err);
int store_job_write(struct store *store, const struct store_write *write, struct err *err);
/* All running jobs of that driver. */
int store_lease_renew(struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err);

/* An empty blob where there is none. Release with store_blob_done(). */
int store_blob_get(struct store *store, uint64_t seq, enum job_blob kind, struct store_blob *ret,
	struct err *err);
void store_blob_done(struct store_blob *blob);
/* Of all JOB_BLOB_MAX_ of them; 0 for NULL. */
uint64_t store_blobs_bytes(const struct store_blob *blobs);
/*
 * All of a job's blobs: the bytes, or the file, of those in `want` (bits 1 << enum
 * job_blob), and of the others the length alone. Release each.
 */
int store_blobs_get(struct store *store, uint64_t seq, unsigned want,
	struct store_blob ret[static JOB_BLOB_MAX_], struct err *err);
/* The length of each of a job's blobs, 0 where there is none. */
int store_blob_sizes(
	struct store *store, uint64_t seq, uint64_t ret[static JOB_BLOB_MAX_], struct err *err);

/* Every job that is not done, oldest first. A negative return ends it and is passed on. */
typedef int store_job_fn(const struct store_job *job, void *arg, struct err *err);
int store_each_open(struct store *store, store_job_fn *fn, void *arg, struct err *err);

/*
 * At most `limit` rows: newest first with seq below `cursor` (0: from the
 * newest), or oldest first with seq above it. states: bits 1 << enum job_state, 0
 * for all; task, client: NULL or "" for all.
 */
int store_list(struct store *store, bool oldest_first, unsigned states, const char *task,
	const char *client, uint64_t cursor, size_t limit, struct store_row *ret, size_t *ret_n,
	struct err *err);

/* Done jobs whose time is over, the earliest first: at most `limit`. */
int store_expired(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err);
/* A client's done jobs, those that ended first before the others: at most `limit`. */
int store_oldest_done(struct store *store, const char *client, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err);
/*
 * Calls fn for each client that has done jobs: how many, the bytes of all of them, and when
 * the first of them ended. fn must not use the store.
 */
typedef int store_kept_fn(
	const char *client, uint64_t jobs, uint64_t bytes, int64_t oldest_age_ms, void *arg);
int store_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err);
/* When the next one expires; INT64_MAX: none will. */
int store_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err);
/* Deletes a done job, all of it; fn is called with the name of each spool file it had. */
typedef void store_file_fn(const char *file, void *arg);
int store_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err);

/*
 * Large bytes in the store itself, for stores that machines share; any thread. They stay
 * where no row names them for a day. -ENOTSUP: the store keeps none.
 */
int store_file_put(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
/* Writes them to fd from its beginning. -ENODATA: not all of them are there. */
int store_file_get(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
int store_file_remove(struct store *store, const char *name, struct err *err);

/* The number of the last change, where following begins. */
int store_follow_start(struct store *store, uint64_t *ret_last, struct err *err);
/*
 * Calls fn with each job that others have moved since the change *last, in the order of
 * their numbers, and raises *last. -ESTALE: too long ago, all jobs must be read again.
 */
typedef int store_seq_fn(uint64_t seq, void *arg, struct err *err);
int store_follow(struct store *store, uint64_t *last, store_seq_fn *fn, void *arg, struct err *err);
/* The age that all machines have in common: the highest that one of them has said. */
int store_age_sync(struct store *store, int64_t mine_ms, int64_t *ret_ms, struct err *err);

/*
 * From one store to another: a job as it stands, with the numbers that it has, its bytes and
 * the log of its moves; and all jobs away. All within a transaction but the reading.
 */
int store_job_import(struct store *store, const struct store_job *row,
	const struct store_blob *blobs, struct err *err);
typedef int store_event_fn(uint32_t attempt, enum store_event kind, int64_t at_unix_ms,
	const char *data, void *arg, struct err *err);
/* Of one job, in their order. fn must not use the same store. */
int store_each_event(
	struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err);
int store_event_import(struct store *store, uint64_t seq, uint32_t attempt, enum store_event kind,
	int64_t at_unix_ms, const char *data, struct err *err);
int store_clear(struct store *store, struct err *err);

/*
 * Clients made at run time. Machines that share the store are told of a change: store_follow()
 * calls fn with STORE_SETTINGS. -EEXIST: the name or the token is there. -ENOENT: it is not.
 */
int store_client_add(struct store *store, const struct store_client *client, struct err *err);
int store_client_delete(struct store *store, const char *name, struct err *err);
typedef int store_client_fn(const struct store_client *client, void *arg, struct err *err);
int store_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err);

/* Tasks of which no job starts; "" is the whole queue. Machines are told as of clients. */
int store_pause_set(struct store *store, const char *task, bool paused, struct err *err);
typedef void store_pause_fn(const char *task, void *arg);
int store_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err);

/* entry->n does not count. The oldest go beyond STORE_AUDIT_MAX. */
int store_audit_add(struct store *store, const struct store_audit *entry, struct err *err);
/* Newest first with n below the cursor (0: from the newest), or oldest first with n above it. */
int store_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err);

/* Does a row name this spool file? */
int store_file_named(struct store *store, const char *file, bool *ret, struct err *err);
/* Calls fn with every spool file that a row names. */
int store_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err);
uint64_t store_bytes(struct store *store);

/* Is it time for store_checkpoint()? */
bool store_wants_checkpoint(struct store *store);
/* Moves what was written to its final place, and removes what is of no use. Any one thread. */
int store_checkpoint(struct store *store, struct err *err);
/*
 * After that, from the thread of all other calls and outside a transaction: the little that
 * was written meanwhile, so that the room of what was moved is used again.
 */
int store_checkpoint_rest(struct store *store, struct err *err);
