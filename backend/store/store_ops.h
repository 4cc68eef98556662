/* SPDX-License-Identifier: MIT */
/* What a backend of the store is. Only store.c and the backends include this. */
#pragma once

#include "store.h"

/* What is read of a job, and of a list's row, in the order in which the backends take it apart. */
#define JOB_COLUMNS                                                                           \
	"seq, id, client, task, classic, state, verdict, attempt, failures, priority, cpus, " \
	"memory_bytes, queued_unix_ms, started_unix_ms, finished_unix_ms, retention_s, "      \
	"expires_age_ms, node, driver, lease_until_age_ms, image, isolation, error, "         \
	"bytes, trace, callback"
#define CALLBACK_COLUMNS                                                                          \
	"c.seq, j.id, j.client, j.retention_s, c.url, c.attempts, c.ended_age_ms, c.due_age_ms, " \
	"c.error FROM callback c JOIN job j ON j.seq = c.seq"
#define ROW_COLUMNS                                                                  \
	"seq, id, task, state, verdict, priority, queued_unix_ms, started_unix_ms, " \
	"finished_unix_ms, expires_age_ms, node, client, callback"

#define CLIENT_COLUMNS                                                                       \
	"name, token_hash, weight, max_running, max_queued, rate, burst, max_bytes, tasks, " \
	"is_operator, made_unix_ms"

struct store_ops {
	const char *name;
	/* node: NULL for a store that is one process's alone */
	int (*open)(const char *where, const char *node, struct store **ret, struct err *err);
	void (*close)(struct store *store);
	int (*begin)(struct store *store, struct err *err);
	int (*commit)(struct store *store, struct err *err);
	void (*rollback)(struct store *store);
	int (*read_begin)(struct store *store, struct err *err);
	void (*read_end)(struct store *store);
	int (*revive)(struct store *store, struct err *err); /* NULL: nothing to revive */
	int (*meta_get)(struct store *store, const char *key, char *ret, struct err *err);
	int (*meta_set)(struct store *store, const char *key, const char *value, struct err *err);
	int (*job_insert)(struct store *store, struct store_job *job, struct err *err);
	int (*job_get)(struct store *store, const struct job_id *id, struct store_job *ret,
		struct err *err);
	/* A whole row, with its seq. */
	int (*job_put)(struct store *store, const struct store_job *row, struct err *err);
	int (*job_get_seq)(
		struct store *store, uint64_t seq, struct store_job *ret, struct err *err);
	int (*job_withdraw)(struct store *store, uint64_t seq, struct err *err);
	/* *ret: was it free? */
	int (*key_put)(
		struct store *store, const struct store_key *key, bool *ret, struct err *err);
	int (*key_get)(struct store *store, const char *client, const char *name,
		struct store_key *ret, struct err *err);
	int (*key_of)(struct store *store, uint64_t seq, struct store_key *ret, struct err *err);
	int (*key_remove)(struct store *store, uint64_t seq, struct err *err);
	int (*callback_put)(
		struct store *store, const struct store_callback *callback, struct err *err);
	int (*callback_get)(
		struct store *store, uint64_t seq, struct store_callback *ret, struct err *err);
	int (*callback_start)(struct store *store, uint64_t seq, int64_t age_ms, struct err *err);
	int (*callbacks_due)(struct store *store, int64_t age_ms, size_t limit,
		struct store_callback *ret, size_t *ret_n, struct err *err);
	int (*next_callback)(struct store *store, int64_t *ret_age_ms, struct err *err);
	int (*callback_move)(struct store *store, const struct store_callback *callback,
		int64_t due_age_ms, struct err *err);
	int (*callback_end)(struct store *store, const struct store_callback *callback,
		enum callback_state state, int64_t expires_age_ms, struct err *err);
	int (*job_claim)(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
		uint64_t driver, int64_t lease_until_age_ms, struct err *err);
	int (*job_started)(struct store *store, uint64_t seq, uint32_t attempt,
		int64_t started_unix_ms, const char *image, enum isolation isolation,
		struct err *err);
	int (*job_requeue)(struct store *store, uint64_t seq, uint32_t attempt, uint32_t failures,
		const char *reason, struct err *err);
	int (*job_end)(struct store *store, uint64_t seq, uint32_t attempt,
		const struct store_ending *ending, uint64_t added_bytes, struct err *err);
	/* Both NULL where others may write to the store: the row of a store_write, not its blobs.
	 */
	int (*next_seq)(struct store *store, uint64_t *ret, struct err *err);
	int (*job_write)(struct store *store, const struct store_write *write, struct err *err);
	int (*lease_renew)(
		struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err);
	int (*event_add)(struct store *store, uint64_t seq, uint32_t attempt, enum store_event kind,
		int64_t at_unix_ms, const char *data, struct err *err);
	int (*each_event)(
		struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err);
	int (*clear)(struct store *store, struct err *err);
	int (*client_add)(struct store *store, const struct store_client *client, struct err *err);
	int (*client_delete)(struct store *store, const char *name, struct err *err);
	int (*each_client)(struct store *store, store_client_fn *fn, void *arg, struct err *err);
	int (*pause_set)(struct store *store, const char *task, bool paused, struct err *err);
	int (*each_pause)(struct store *store, store_pause_fn *fn, void *arg, struct err *err);
	int (*audit_add)(struct store *store, const struct store_audit *entry, struct err *err);
	int (*audit_list)(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
		struct store_audit *ret, size_t *ret_n, struct err *err);
	int (*blob_put)(struct store *store, uint64_t seq, enum job_blob kind,
		const struct store_blob *blob, struct err *err);
	int (*blob_get)(struct store *store, uint64_t seq, enum job_blob kind,
		struct store_blob *ret, struct err *err);
	int (*blob_sizes)(struct store *store, uint64_t seq, uint64_t *ret, struct err *err);
	/* NULL: made of the two above. */
	int (*blobs_get)(struct store *store, uint64_t seq, unsigned want, struct store_blob *ret,
		struct err *err);
	int (*each_open)(struct store *store, store_job_fn *fn, void *arg, struct err *err);
	/* One state, or all of them (JOB_STATE_MAX_; neither task nor client then), in one order.
	 */
	int (*list)(struct store *store, bool oldest_first, enum job_state state, const char *task,
		const char *client, uint64_t cursor, size_t limit, struct store_row *ret,
		size_t *ret_n, struct err *err);
	int (*expired)(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
		size_t *ret_n, struct err *err);
	int (*oldest_done)(struct store *store, const char *client, size_t limit,
		struct store_done *ret, size_t *ret_n, struct err *err);
	int (*each_kept)(struct store *store, store_kept_fn *fn, void *arg, struct err *err);
	int (*next_expiry)(struct store *store, int64_t *ret_age_ms, struct err *err);
	int (*job_delete)(
		struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err);
	int (*file_named)(struct store *store, const char *file, bool *ret, struct err *err);
	int (*each_file)(struct store *store, store_file_fn *fn, void *arg, struct err *err);
	uint64_t (*bytes)(struct store *store);
	bool (*wants_checkpoint)(struct store *store);
	int (*checkpoint)(struct store *store, struct err *err);
	int (*checkpoint_rest)(struct store *store, struct err *err); /* NULL: nothing to do */
	/* NULL where the store keeps no large bytes */
	int (*file_put)(
		struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
	int (*file_get)(
		struct store *store, const char *name, int fd, uint64_t bytes, struct err *err);
	int (*file_remove)(struct store *store, const char *name, struct err *err);
	/* NULL where the store cannot be shared */
	int (*follow_start)(struct store *store, uint64_t *ret_last, struct err *err);
	int (*follow)(
		struct store *store, uint64_t *last, store_seq_fn *fn, void *arg, struct err *err);
	int (*age_sync)(struct store *store, int64_t mine_ms, int64_t *ret_ms, struct err *err);
};

/* Each backend's own struct begins with it. */
struct store {
	const struct store_ops *ops;
	bool in_transaction;
	bool reading;
	bool shared;
	bool outcome_unknown; /* of the last commit, which failed */
	struct store_counts counts;
};

extern const struct store_ops store_sqlite_ops;
extern const struct store_ops store_mariadb_ops;
