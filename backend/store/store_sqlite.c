/* SPDX-License-Identifier: MIT */
/*
 * The store in a SQLite file: one process, one writing connection, and a second
 * connection that does nothing but checkpoints, in another thread.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "sqlite_clients.h"
#include "sqlite_schema.h"
#include "sqlite_vfs.h"
#include "store_ops.h"

#define BUSY_MS           5000
#define CHECKPOINT_FRAMES 1000  /* 4 MiB in the WAL: time for the other thread */
#define REST_FRAMES       300   /* moved between two turns: a millisecond or so */
#define FALLBACK_FRAMES   20000 /* the other thread does not keep up: checkpoint at the commit */

/* As in the index job_kept. */
#define ENDED_AGE "expires_age_ms - 1000 * retention_s"

/* X(name, SQL) */
#define STATEMENTS(X)                                                                              \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                \
	X(READ_BEGIN, "BEGIN DEFERRED")                                                            \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(META_GET, "SELECT value FROM meta WHERE key = ?1")                                       \
	X(META_SET, "INSERT INTO meta (key, value) VALUES (?1, ?2) "                               \
		    "ON CONFLICT (key) DO UPDATE SET value = excluded.value")                      \
	X(JOB_INSERT, "INSERT INTO job (id, client, task, classic, state, attempt, failures, "     \
		      "priority, cpus, memory_bytes, queued_unix_ms, started_unix_ms, "            \
		      "finished_unix_ms, retention_s, expires_age_ms, node, driver, "              \
		      "lease_until_age_ms, image, isolation, error, bytes, trace, callback) "      \
		      "VALUES (?1, "                                                               \
		      "?2, ?3, ?4, 0, "                                                            \
		      "0, 0, ?5, ?6, ?7, ?8, 0, 0, ?9, 0, '', 0, 0, '', 0, '', ?10, ?11, ?12)")    \
	X(JOB_GET, "SELECT " JOB_COLUMNS " FROM job WHERE id = ?1")                                \
	X(JOB_GET_SEQ, "SELECT " JOB_COLUMNS " FROM job WHERE seq = ?1")                           \
	X(JOB_OPEN, "SELECT " JOB_COLUMNS " FROM job WHERE state = ?1 ORDER BY seq")               \
	X(JOB_CLAIM, "UPDATE job SET state = 1, attempt = attempt + 1, node = ?3, driver = ?4, "   \
		     "lease_until_age_ms = ?5, started_unix_ms = 0 "                               \
		     "WHERE seq = ?1 AND attempt = ?2 AND state = 0")                              \
	X(JOB_STARTED, "UPDATE job SET started_unix_ms = ?3, image = ?4, isolation = ?5 "          \
		       "WHERE seq = ?1 AND attempt = ?2 AND state = 1")                            \
	X(JOB_REQUEUE, "UPDATE job SET state = 0, failures = ?3, error = ?4, node = '', "          \
		       "driver = 0, lease_until_age_ms = 0, started_unix_ms = 0 "                  \
		       "WHERE seq = ?1 AND attempt = ?2 AND state = 1")                            \
	X(JOB_END,                                                                                 \
		"UPDATE job SET state = 2, driver = 0, lease_until_age_ms = 0, verdict = ?4, "     \
		"error = ?5, image = CASE WHEN ?6 = '' THEN image ELSE ?6 END, "                   \
		"isolation = CASE WHEN ?6 = '' THEN isolation ELSE ?7 END, "                       \
		"finished_unix_ms = ?8, expires_age_ms = ?9, failures = ?10, bytes = bytes + ?11 " \
		"WHERE seq = ?1 AND attempt = ?2 AND state = ?3")                                  \
	X(NEXT_SEQ, "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'job'")                      \
	X(JOB_PUT, "INSERT INTO job (" JOB_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "    \
		   "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, "    \
		   "?24, ?25, ?26)")                                                               \
	X(JOB_MOVE, "UPDATE job SET state = ?4, attempt = ?5, failures = ?6, driver = ?7, "        \
		    "lease_until_age_ms = ?8, verdict = ?9, finished_unix_ms = ?10, "              \
		    "expires_age_ms = ?11, node = coalesce(?12, node), "                           \
		    "started_unix_ms = coalesce(?13, started_unix_ms), "                           \
		    "image = coalesce(?14, image), isolation = coalesce(?15, isolation), "         \
		    "error = coalesce(?16, error), bytes = ?17 "                                   \
		    "WHERE seq = ?1 AND attempt = ?2 AND state = ?3")                              \
	X(JOB_WITHDRAW, "DELETE FROM job WHERE seq = ?1 AND state = 0 AND attempt = 0")            \
	X(KEY_PUT, "INSERT INTO job_key (client, name, fingerprint, seq) "                         \
		   "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (client, name) DO NOTHING")                \
	X(KEY_GET, "SELECT client, name, fingerprint, seq FROM job_key "                           \
		   "WHERE client = ?1 AND name = ?2")                                              \
	X(KEY_OF, "SELECT client, name, fingerprint, seq FROM job_key WHERE seq = ?1")             \
	X(KEY_REMOVE, "DELETE FROM job_key WHERE seq = ?1")                                        \
	X(CALLBACK_PUT,                                                                            \
		"INSERT INTO callback (seq, url, attempts, ended_age_ms, due_age_ms, error) "      \
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                                 \
	X(CALLBACK_GET, "SELECT " CALLBACK_COLUMNS " WHERE c.seq = ?1")                            \
	X(CALLBACK_START, "UPDATE callback SET ended_age_ms = ?2, due_age_ms = ?2 WHERE seq = ?1") \
	X(CALLBACKS_DUE, "SELECT " CALLBACK_COLUMNS                                                \
			 " WHERE c.due_age_ms <= ?1 ORDER BY c.due_age_ms LIMIT ?2")               \
	X(NEXT_CALLBACK, "SELECT min(due_age_ms) FROM callback WHERE due_age_ms IS NOT NULL")      \
	X(CALLBACK_MOVE, "UPDATE callback SET due_age_ms = ?3, attempts = ?4, error = ?5 WHERE "   \
			 "seq = ?1 AND due_age_ms = ?2")                                           \
	X(CALLBACK_END, "UPDATE callback SET due_age_ms = NULL, attempts = ?2, error = ?3 WHERE "  \
			"seq = ?1 AND due_age_ms IS NOT NULL")                                     \
	X(CALLBACK_MARK,                                                                           \
		"UPDATE job SET callback = ?2, expires_age_ms = ?3 WHERE seq = ?1 AND state = 2")  \
	X(LEASE_RENEW, "UPDATE job SET lease_until_age_ms = ?2 WHERE state = 1 AND driver = ?1")   \
	X(EVENT_ADD,                                                                               \
		"INSERT INTO event (seq, attempt, n, at_unix_ms, kind, data) VALUES (?1, ?2, "     \
		"1 + coalesce((SELECT max(n) FROM event WHERE seq = ?1 AND attempt = ?2), "        \
		"0), ?3, ?4, ?5)")                                                                 \
	X(EVENTS_OF, "SELECT attempt, kind, at_unix_ms, data FROM event WHERE seq = ?1 "           \
		     "ORDER BY attempt, n")                                                        \
	X(CLEAR, "DELETE FROM job")                                                                \
	X(BLOB_PUT, "INSERT INTO blob (seq, kind, bytes, data, file, sha256) "                     \
		    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                                             \
	X(BLOB_GET, "SELECT bytes, data, file, sha256 FROM blob WHERE seq = ?1 AND kind = ?2")     \
	X(BLOBS_GET, "SELECT bytes, CASE WHEN (?2 >> kind) & 1 THEN data END, "                    \
		     "CASE WHEN (?2 >> kind) & 1 THEN file END, sha256, kind "                     \
		     "FROM blob WHERE seq = ?1")                                                   \
	X(BLOB_SIZES, "SELECT kind, bytes FROM blob WHERE seq = ?1")                               \
	X(LIST_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2")   \
	X(LIST_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ?1 ORDER BY seq LIMIT ?2")        \
	X(LIST_STATE_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE state = ?3 AND seq < ?1 "         \
			  "ORDER BY seq DESC LIMIT ?2")                                            \
	X(LIST_STATE_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE state = ?3 AND seq > ?1 "         \
			  "ORDER BY seq LIMIT ?2")                                                 \
	X(LIST_TASK_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE task = ?4 AND state = ?3 "         \
			 "AND seq < ?1 ORDER BY seq DESC LIMIT ?2")                                \
	X(LIST_TASK_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE task = ?4 AND state = ?3 "         \
			 "AND seq > ?1 ORDER BY seq LIMIT ?2")                                     \
	X(LIST_CLIENT_NEW, "SELECT " ROW_COLUMNS " FROM job INDEXED BY job_client "                \
			   "WHERE client = ?5 AND client <> '' AND state = ?3 AND seq < ?1 "       \
			   "ORDER BY seq DESC LIMIT ?2")                                           \
	X(LIST_CLIENT_OLD, "SELECT " ROW_COLUMNS " FROM job INDEXED BY job_client "                \
			   "WHERE client = ?5 AND client <> '' AND state = ?3 AND seq > ?1 "       \
			   "ORDER BY seq LIMIT ?2")                                                \
	X(LIST_BOTH_NEW, "SELECT " ROW_COLUMNS " FROM job INDEXED BY job_client_task "             \
			 "WHERE client = ?5 AND client <> '' AND task = ?4 AND state = ?3 "        \
			 "AND seq < ?1 ORDER BY seq DESC LIMIT ?2")                                \
	X(LIST_BOTH_OLD, "SELECT " ROW_COLUMNS " FROM job INDEXED BY job_client_task "             \
			 "WHERE client = ?5 AND client <> '' AND task = ?4 AND state = ?3 "        \
			 "AND seq > ?1 ORDER BY seq LIMIT ?2")                                     \
	X(EXPIRED, "SELECT seq, bytes, " ENDED_AGE ", client FROM job INDEXED BY job_expires "     \
		   "WHERE state = 2 AND expires_age_ms <= ?1 "                                     \
		   "ORDER BY expires_age_ms LIMIT ?2")                                             \
	X(NEXT_EXPIRY, "SELECT expires_age_ms FROM job INDEXED BY job_expires WHERE state = 2 "    \
		       "ORDER BY expires_age_ms LIMIT 1")                                          \
	X(OLDEST_DONE, "SELECT seq, bytes, " ENDED_AGE ", client FROM job INDEXED BY job_kept "    \
		       "WHERE state = 2 AND client = ?1 ORDER BY " ENDED_AGE " LIMIT ?2")          \
	X(EACH_KEPT, "SELECT client, count(*), sum(bytes), min(" ENDED_AGE ") FROM job "           \
		     "INDEXED BY job_kept WHERE state = 2 GROUP BY client")                        \
	X(FILES_OF, "SELECT file FROM blob WHERE seq = ?1 AND file IS NOT NULL")                   \
	X(JOB_DELETE, "DELETE FROM job WHERE seq = ?1 AND state = 2")                              \
	X(FILE_NAMED, "SELECT 1 FROM blob WHERE file = ?1")                                        \
	X(EACH_FILE, "SELECT file FROM blob WHERE file IS NOT NULL")

enum statement {
#define X(name, sql) ST_##name,
	STATEMENTS(X)
#undef X
		ST_MAX_,
};

static const char *const statement_sql[ST_MAX_] = {
#define X(name, sql) [ST_##name] = sql,
	STATEMENTS(X)
#undef X
};

struct sqlite {
	struct store store;              /* first: the two are the same pointer */
	sqlite3 *db;                     /* owned */
	sqlite3 *checkpointer;           /* owned; used by store_checkpoint() only */
	sqlite3_stmt *prepared[ST_MAX_]; /* owned; NULL until first used */
	int wal_frames;                  /* in the WAL after the last commit */
	int moved_frames; /* of those, by the last checkpoint; its thread's until it has ended */
};

static struct sqlite *sqlite_of(struct store *store)
{
	return (struct sqlite *)store;
}

/* An errno for SQLite's result code. */
static int errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	default:
		return EIO;
	}
}

static int fail(sqlite3 *db, int rc, const char *what, struct err *err)
{
	return err_say(err, errno_of(rc), "store: %s: %s", what,
		db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db));
}

sqlite3 *sqlite_handle(struct store *store)
{
	return sqlite_of(store)->db;
}

int sqlite_fail(sqlite3 *db, int rc, const char *what, struct err *err)
{
	return fail(db, rc, what, err);
}

/* --- statements --- */

/* A statement ready for binding; done with by finish(). */
static int prepare(struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err)
{
	if (s->prepared[which] == NULL) {
		int rc = sqlite3_prepare_v3(s->db, statement_sql[which], -1,
			SQLITE_PREPARE_PERSISTENT, &s->prepared[which], NULL);

		if (rc != SQLITE_OK)
			return fail(s->db, rc, "prepare", err);
	}
	*ret = s->prepared[which];
	return 0;
}

static void finish_p(sqlite3_stmt **stmt)
{
	if (*stmt == NULL)
		return;
	(void)sqlite3_reset(*stmt);
	(void)sqlite3_clear_bindings(*stmt);
}

#define cleanup_stmt CLEANUP(finish_p)

/* A write needs a transaction; SQLite itself may have ended it after an earlier failure. */
static int prepare_write(
	struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err)
{
	if (sqlite3_get_autocommit(s->db) != 0)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	return prepare(s, which, ret, err);
}

static void bind_int(sqlite3_stmt *stmt, int n, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, n, v); /* fails only for a number out of range */
}

static void bind_text(sqlite3_stmt *stmt, int n, const char *text)
{
	(void)sqlite3_bind_text(stmt, n, text == NULL ? "" : text, -1, SQLITE_STATIC);
}

static void bind_bytes(sqlite3_stmt *stmt, int n, const void *data, size_t len)
{
	(void)sqlite3_bind_blob64(stmt, n, data, len, SQLITE_STATIC);
}

/* 1: a row is there; 0: no more; negative. */
static int step(struct sqlite *s, sqlite3_stmt *stmt, struct err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return fail(s->db, sqlite3_extended_errcode(s->db), sqlite3_sql(stmt), err);
}

/* One row changed, or -ESTALE: somebody else's move came first. */
static int step_fenced(struct sqlite *s, sqlite3_stmt *stmt, uint64_t seq, struct err *err)
{
	int r = step(s, stmt, err);

	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) != 1)
		return err_say(err, ESTALE, "job %" PRIu64 " has moved on", seq);
	return 0;
}

static int run(struct sqlite *s, enum statement which, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, which, &stmt, err);

	return r < 0 ? r : step(s, stmt, err);
}

/* --- transactions --- */

static int sqlite_begin(struct store *store, struct err *err)
{
	return run(sqlite_of(store), ST_BEGIN, err);
}

static int sqlite_commit(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	if (sqlite3_get_autocommit(s->db) != 0)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	return run(s, ST_COMMIT, err);
}

static void sqlite_rollback(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	struct err err;

	if (sqlite3_get_autocommit(s->db) == 0)
		(void)run(s, ST_ROLLBACK, &err);
}

/* Each statement by itself takes and leaves the WAL's lock: two system calls. */
static int sqlite_read_begin(struct store *store, struct err *err)
{
	return run(sqlite_of(store), ST_READ_BEGIN, err);
}

static void sqlite_read_end(struct store *store)
{
	struct err err;

	if (run(sqlite_of(store), ST_COMMIT, &err) < 0)
		sqlite_rollback(store);
}

/* --- meta --- */

static int sqlite_meta_get(struct store *store, const char *key, char *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_META_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, key);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	(void)snprintf(ret, STORE_META_MAX + 1, "%s",
		r == 0 ? "" : (const char *)sqlite3_column_text(stmt, 0));
	return 0;
}

static int sqlite_meta_set(struct store *store, const char *key, const char *value, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_META_SET, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, key);
	bind_text(stmt, 2, value);
	return step(s, stmt, err);
}

/* --- jobs --- */

static void column_text(sqlite3_stmt *stmt, int n, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, n);

	(void)snprintf(ret, size, "%s", text == NULL ? "" : text);
}

static void column_id(sqlite3_stmt *stmt, int n, struct job_id *ret)
{
	const void *bytes = sqlite3_column_blob(stmt, n);

	memset(ret, 0, sizeof(*ret));
	if (bytes != NULL && sqlite3_column_bytes(stmt, n) == JOB_ID_BYTES)
		memcpy(ret->b, bytes, JOB_ID_BYTES);
}

static enum verdict column_verdict(sqlite3_stmt *stmt, int n)
{
	int v;

	if (sqlite3_column_type(stmt, n) == SQLITE_NULL)
		return VERDICT_MAX_;
	v = sqlite3_column_int(stmt, n);
	return v >= 0 && v < (int)VERDICT_MAX_ ? (enum verdict)v : VERDICT_ENGINE_ERROR;
}

static enum callback_state column_callback(sqlite3_stmt *stmt, int n)
{
	int v = sqlite3_column_int(stmt, n);

	return v >= 0 && v < (int)CALLBACK_STATE_MAX_ ? (enum callback_state)v : CALLBACK_NONE;
}

/* JOB_COLUMNS */
static void job_of(sqlite3_stmt *stmt, struct store_job *job)
{
	int n = 0;

	job->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	column_id(stmt, n++, &job->id);
	column_text(stmt, n++, job->client, sizeof(job->client));
	column_text(stmt, n++, job->task, sizeof(job->task));
	job->classic = sqlite3_column_int(stmt, n++) != 0;
	job->state = (enum job_state)sqlite3_column_int(stmt, n++);
	job->verdict = column_verdict(stmt, n++);
	job->attempt = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->failures = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->priority = (uint32_t)sqlite3_column_int64(stmt, n++);
	job->cpus = sqlite3_column_int64(stmt, n++);
	job->memory_bytes = sqlite3_column_int64(stmt, n++);
	job->queued_unix_ms = sqlite3_column_int64(stmt, n++);
	job->started_unix_ms = sqlite3_column_int64(stmt, n++);
	job->finished_unix_ms = sqlite3_column_int64(stmt, n++);
	job->retention_s = sqlite3_column_int64(stmt, n++);
	job->expires_age_ms = sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, job->node, sizeof(job->node));
	job->driver = (uint64_t)sqlite3_column_int64(stmt, n++);
	job->lease_until_age_ms = sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, job->image, sizeof(job->image));
	job->isolation = (enum isolation)sqlite3_column_int(stmt, n++);
	column_text(stmt, n++, job->error, sizeof(job->error));
	job->bytes = (uint64_t)sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, job->trace, sizeof(job->trace));
	job->callback = column_callback(stmt, n);
	if ((unsigned)job->isolation >= ISOLATION_MAX_)
		job->isolation = ISOLATION_CONTAINER;
}

static int sqlite_job_insert(struct store *store, struct store_job *job, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_JOB_INSERT, &stmt, err);

	if (r < 0)
		return r;
	bind_bytes(stmt, 1, job->id.b, JOB_ID_BYTES);
	bind_text(stmt, 2, job->client);
	bind_text(stmt, 3, job->task);
	bind_int(stmt, 4, job->classic ? 1 : 0);
	bind_int(stmt, 5, job->priority);
	bind_int(stmt, 6, job->cpus);
	bind_int(stmt, 7, job->memory_bytes);
	bind_int(stmt, 8, job->queued_unix_ms);
	bind_int(stmt, 9, job->retention_s);
	bind_int(stmt, 10, (int64_t)job->bytes);
	bind_text(stmt, 11, job->trace);
	bind_int(stmt, 12, job->callback);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	job->seq = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int take_job(struct sqlite *s, sqlite3_stmt *stmt, struct store_job *ret, struct err *err)
{
	int r = step(s, stmt, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "no such job");
	job_of(stmt, ret);
	return 0;
}

static int sqlite_job_get(
	struct store *store, const struct job_id *id, struct store_job *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_JOB_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_bytes(stmt, 1, id->b, JOB_ID_BYTES);
	return take_job(s, stmt, ret, err);
}

static int sqlite_job_get_seq(
	struct store *store, uint64_t seq, struct store_job *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_JOB_GET_SEQ, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	return take_job(s, stmt, ret, err);
}

/* A statement about the job, no matter how many rows it finds. */
static int write_seq(struct store *store, enum statement which, uint64_t seq, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, which, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	return step(s, stmt, err);
}

static int sqlite_job_withdraw(struct store *store, uint64_t seq, struct err *err)
{
	return write_seq(store, ST_JOB_WITHDRAW, seq, err);
}

static int sqlite_key_put(
	struct store *store, const struct store_key *key, bool *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_KEY_PUT, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, key->client);
	bind_text(stmt, 2, key->name);
	bind_bytes(stmt, 3, key->fingerprint, sizeof(key->fingerprint));
	bind_int(stmt, 4, (int64_t)key->seq);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = sqlite3_changes(s->db) == 1;
	return 0;
}

static int take_key(struct sqlite *s, sqlite3_stmt *stmt, struct store_key *ret, struct err *err)
{
	struct store_key key = { 0 };
	const void *fingerprint;
	int r = step(s, stmt, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "no such key");
	column_text(stmt, 0, key.client, sizeof(key.client));
	column_text(stmt, 1, key.name, sizeof(key.name));
	fingerprint = sqlite3_column_blob(stmt, 2);
	if (fingerprint != NULL && sqlite3_column_bytes(stmt, 2) == STORE_SHA256)
		memcpy(key.fingerprint, fingerprint, STORE_SHA256);
	key.seq = (uint64_t)sqlite3_column_int64(stmt, 3);
	*ret = key;
	return 0;
}

static int sqlite_key_get(struct store *store, const char *client, const char *name,
	struct store_key *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_KEY_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, client);
	bind_text(stmt, 2, name);
	return take_key(s, stmt, ret, err);
}

static int sqlite_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_KEY_OF, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	return take_key(s, stmt, ret, err);
}

static int sqlite_key_remove(struct store *store, uint64_t seq, struct err *err)
{
	return write_seq(store, ST_KEY_REMOVE, seq, err);
}

/* --- endings that are announced --- */

static void bind_due(sqlite3_stmt *stmt, int n, int64_t due_age_ms)
{
	if (due_age_ms != INT64_MAX)
		bind_int(stmt, n, due_age_ms); /* else NULL */
}

static int sqlite_callback_put(
	struct store *store, const struct store_callback *callback, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_CALLBACK_PUT, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)callback->seq);
	bind_text(stmt, 2, callback->url);
	bind_int(stmt, 3, callback->attempts);
	bind_int(stmt, 4, callback->ended_age_ms);
	bind_due(stmt, 5, callback->due_age_ms);
	bind_text(stmt, 6, callback->error);
	return step(s, stmt, err);
}

/* CALLBACK_COLUMNS */
static void callback_of(sqlite3_stmt *stmt, struct store_callback *ret)
{
	int n = 0;

	ret->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	column_id(stmt, n++, &ret->id);
	column_text(stmt, n++, ret->client, sizeof(ret->client));
	ret->retention_s = sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, ret->url, sizeof(ret->url));
	ret->attempts = (uint32_t)sqlite3_column_int64(stmt, n++);
	ret->ended_age_ms = sqlite3_column_int64(stmt, n++);
	ret->due_age_ms = sqlite3_column_type(stmt, n) == SQLITE_NULL
				  ? INT64_MAX
				  : sqlite3_column_int64(stmt, n);
	column_text(stmt, n + 1, ret->error, sizeof(ret->error));
}

static int sqlite_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_CALLBACK_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "its ending is not announced");
	callback_of(stmt, ret);
	return 0;
}

static int sqlite_callback_start(struct store *store, uint64_t seq, int64_t age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_CALLBACK_START, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, age_ms);
	return step(s, stmt, err);
}

static int sqlite_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = prepare(s, ST_CALLBACKS_DUE, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, age_ms);
	bind_int(stmt, 2, (int64_t)limit);
	while (n < limit && (r = step(s, stmt, err)) > 0)
		callback_of(stmt, &ret[n++]);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

static int sqlite_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_NEXT_CALLBACK, &stmt, err);

	if (r == 0)
		r = step(s, stmt, err);
	if (r < 0)
		return r;
	*ret_age_ms = r == 0 || sqlite3_column_type(stmt, 0) == SQLITE_NULL
			      ? INT64_MAX
			      : sqlite3_column_int64(stmt, 0);
	return 0;
}

static int sqlite_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_CALLBACK_MOVE, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)callback->seq);
	bind_int(stmt, 2, callback->due_age_ms);
	bind_int(stmt, 3, due_age_ms);
	bind_int(stmt, 4, callback->attempts);
	bind_text(stmt, 5, callback->error);
	return step_fenced(s, stmt, callback->seq, err);
}

static int end_row(struct sqlite *s, const struct store_callback *callback, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_CALLBACK_END, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)callback->seq);
	bind_int(stmt, 2, callback->attempts);
	bind_text(stmt, 3, callback->error);
	return step_fenced(s, stmt, callback->seq, err);
}

static int sqlite_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = end_row(s, callback, err);

	if (r == 0)
		r = prepare_write(s, ST_CALLBACK_MARK, &stmt, err);
	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)callback->seq);
	bind_int(stmt, 2, state);
	bind_int(stmt, 3, expires_age_ms);
	return step_fenced(s, stmt, callback->seq, err);
}

/* --- moves --- */

static int sqlite_job_claim(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
	uint64_t driver, int64_t lease_until_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_JOB_CLAIM, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, attempt);
	bind_text(stmt, 3, node);
	bind_int(stmt, 4, (int64_t)driver);
	bind_int(stmt, 5, lease_until_age_ms);
	return step_fenced(s, stmt, seq, err);
}

static int sqlite_job_started(struct store *store, uint64_t seq, uint32_t attempt,
	int64_t started_unix_ms, const char *image, enum isolation isolation, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_JOB_STARTED, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, attempt);
	bind_int(stmt, 3, started_unix_ms);
	bind_text(stmt, 4, image);
	bind_int(stmt, 5, isolation);
	return step_fenced(s, stmt, seq, err);
}

static int sqlite_job_requeue(struct store *store, uint64_t seq, uint32_t attempt,
	uint32_t failures, const char *reason, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_JOB_REQUEUE, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, attempt);
	bind_int(stmt, 3, failures);
	bind_text(stmt, 4, reason);
	return step_fenced(s, stmt, seq, err);
}

static int sqlite_job_end(struct store *store, uint64_t seq, uint32_t attempt,
	const struct store_ending *ending, uint64_t added_bytes, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_JOB_END, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, attempt);
	bind_int(stmt, 3, ending->from);
	bind_int(stmt, 4, ending->verdict);
	bind_text(stmt, 5, ending->error);
	bind_text(stmt, 6, ending->image);
	bind_int(stmt, 7, ending->isolation);
	bind_int(stmt, 8, ending->finished_unix_ms);
	bind_int(stmt, 9, ending->expires_age_ms);
	bind_int(stmt, 10, ending->failures);
	bind_int(stmt, 11, (int64_t)added_bytes);
	return step_fenced(s, stmt, seq, err);
}

static int sqlite_next_seq(struct store *store, uint64_t *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_NEXT_SEQ, &stmt, err);

	if (r == 0)
		r = step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = r == 0 ? 1 : (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

static void bind_verdict(sqlite3_stmt *stmt, int n, enum verdict verdict)
{
	if (verdict != VERDICT_MAX_)
		bind_int(stmt, n, verdict); /* else NULL: not yet */
}

static int put_row(struct sqlite *s, const struct store_job *row, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int n = 1;
	int r = prepare_write(s, ST_JOB_PUT, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, n++, (int64_t)row->seq);
	bind_bytes(stmt, n++, row->id.b, JOB_ID_BYTES);
	bind_text(stmt, n++, row->client);
	bind_text(stmt, n++, row->task);
	bind_int(stmt, n++, row->classic ? 1 : 0);
	bind_int(stmt, n++, row->state);
	bind_verdict(stmt, n++, row->verdict);
	bind_int(stmt, n++, row->attempt);
	bind_int(stmt, n++, row->failures);
	bind_int(stmt, n++, row->priority);
	bind_int(stmt, n++, row->cpus);
	bind_int(stmt, n++, row->memory_bytes);
	bind_int(stmt, n++, row->queued_unix_ms);
	bind_int(stmt, n++, row->started_unix_ms);
	bind_int(stmt, n++, row->finished_unix_ms);
	bind_int(stmt, n++, row->retention_s);
	bind_int(stmt, n++, row->expires_age_ms);
	bind_text(stmt, n++, row->node);
	bind_int(stmt, n++, (int64_t)row->driver);
	bind_int(stmt, n++, row->lease_until_age_ms);
	bind_text(stmt, n++, row->image);
	bind_int(stmt, n++, row->isolation);
	bind_text(stmt, n++, row->error);
	bind_int(stmt, n++, (int64_t)row->bytes);
	bind_text(stmt, n++, row->trace);
	bind_int(stmt, n, row->callback);
	return step(s, stmt, err);
}

static int sqlite_job_put(struct store *store, const struct store_job *row, struct err *err)
{
	return put_row(sqlite_of(store), row, err);
}

static int sqlite_job_write(struct store *store, const struct store_write *write, struct err *err)
{
	const struct store_job *row = write->row;
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r;

	if (write->insert)
		return put_row(s, row, err);
	r = prepare_write(s, ST_JOB_MOVE, &stmt, err);
	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)row->seq);
	bind_int(stmt, 2, write->from_attempt);
	bind_int(stmt, 3, write->from);
	bind_int(stmt, 4, row->state);
	bind_int(stmt, 5, row->attempt);
	bind_int(stmt, 6, row->failures);
	bind_int(stmt, 7, (int64_t)row->driver);
	bind_int(stmt, 8, row->lease_until_age_ms);
	bind_verdict(stmt, 9, row->verdict);
	bind_int(stmt, 10, row->finished_unix_ms);
	bind_int(stmt, 11, row->expires_age_ms);
	if ((write->events & 1U << STORE_EVENT_RUNNING) != 0)
		bind_text(stmt, 12, row->node);
	if ((write->events & (1U << STORE_EVENT_RUNNING | 1U << STORE_EVENT_STARTED)) != 0)
		bind_int(stmt, 13, row->started_unix_ms);
	if (row->image[0] != '\0') {
		bind_text(stmt, 14, row->image);
		bind_int(stmt, 15, row->isolation);
	}
	if ((write->events & 1U << STORE_EVENT_DONE) != 0)
		bind_text(stmt, 16, row->error);
	bind_int(stmt, 17, (int64_t)row->bytes);
	return step_fenced(s, stmt, row->seq, err);
}

static int sqlite_lease_renew(
	struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_LEASE_RENEW, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)driver);
	bind_int(stmt, 2, until_age_ms);
	return step(s, stmt, err);
}

static int sqlite_event_add(struct store *store, uint64_t seq, uint32_t attempt,
	enum store_event kind, int64_t at_unix_ms, const char *data, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_EVENT_ADD, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, attempt);
	bind_int(stmt, 3, at_unix_ms);
	bind_int(stmt, 4, kind);
	bind_text(stmt, 5, data);
	return step(s, stmt, err);
}

static int each_of_state(
	struct sqlite *s, enum job_state state, store_job_fn *fn, void *arg, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	struct store_job job;
	int r = prepare(s, ST_JOB_OPEN, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, state);
	while ((r = step(s, stmt, err)) > 0) {
		job_of(stmt, &job);
		r = fn(&job, arg, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int sqlite_each_open(struct store *store, store_job_fn *fn, void *arg, struct err *err)
{
	int r = each_of_state(sqlite_of(store), JOB_RUNNING, fn, arg, err);

	return r < 0 ? r : each_of_state(sqlite_of(store), JOB_QUEUED, fn, arg, err);
}

/* --- lists --- */

/* ROW_COLUMNS */
static void row_of(sqlite3_stmt *stmt, struct store_row *row)
{
	int n = 0;

	row->seq = (uint64_t)sqlite3_column_int64(stmt, n++);
	column_id(stmt, n++, &row->id);
	column_text(stmt, n++, row->task, sizeof(row->task));
	row->state = (enum job_state)sqlite3_column_int(stmt, n++);
	row->verdict = column_verdict(stmt, n++);
	row->priority = (uint32_t)sqlite3_column_int64(stmt, n++);
	row->queued_unix_ms = sqlite3_column_int64(stmt, n++);
	row->started_unix_ms = sqlite3_column_int64(stmt, n++);
	row->finished_unix_ms = sqlite3_column_int64(stmt, n++);
	row->expires_age_ms = sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, row->node, sizeof(row->node));
	column_text(stmt, n++, row->client, sizeof(row->client));
	row->callback = column_callback(stmt, n);
}

static enum statement list_statement(bool oldest_first, bool by_state, bool by_task, bool by_client)
{
	if (by_client && by_task)
		return oldest_first ? ST_LIST_BOTH_OLD : ST_LIST_BOTH_NEW;
	if (by_client)
		return oldest_first ? ST_LIST_CLIENT_OLD : ST_LIST_CLIENT_NEW;
	if (by_task)
		return oldest_first ? ST_LIST_TASK_OLD : ST_LIST_TASK_NEW;
	if (by_state)
		return oldest_first ? ST_LIST_STATE_OLD : ST_LIST_STATE_NEW;
	return oldest_first ? ST_LIST_OLD : ST_LIST_NEW;
}

static int sqlite_list(struct store *store, bool oldest_first, enum job_state state,
	const char *task, const char *client, uint64_t cursor, size_t limit, struct store_row *ret,
	size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	enum statement which =
		list_statement(oldest_first, state != JOB_STATE_MAX_, task != NULL, client != NULL);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = prepare(s, which, &stmt, err);

	if (r < 0)
		return r;
	if (!oldest_first && (cursor == 0 || cursor > INT64_MAX))
		cursor = INT64_MAX;
	bind_int(stmt, 1, (int64_t)cursor);
	bind_int(stmt, 2, (int64_t)limit);
	if (state != JOB_STATE_MAX_)
		bind_int(stmt, 3, state);
	if (task != NULL)
		bind_text(stmt, 4, task);
	if (client != NULL)
		bind_text(stmt, 5, client);
	while (n < limit && (r = step(s, stmt, err)) > 0)
		row_of(stmt, &ret[n++]);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

/* --- blobs --- */

static int sqlite_blob_put(struct store *store, uint64_t seq, enum job_blob kind,
	const struct store_blob *blob, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_BLOB_PUT, &stmt, err);

	if (r < 0)
		return r;
	if (blob->bytes > INT64_MAX)
		return err_say(err, EFBIG, "a value of %" PRIu64 " bytes", blob->bytes);
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, kind);
	bind_int(stmt, 3, (int64_t)blob->bytes);
	if (blob->file[0] == '\0') {
		bind_bytes(stmt, 4, blob->data, (size_t)blob->bytes);
	} else {
		bind_text(stmt, 5, blob->file);
		bind_bytes(stmt, 6, blob->sha256, sizeof(blob->sha256));
	}
	return step(s, stmt, err);
}

/* bytes, data, file, sha256 */
static int blob_of_row(sqlite3_stmt *stmt, struct store_blob *ret, struct err *err)
{
	struct store_blob blob = { .bytes = (uint64_t)sqlite3_column_int64(stmt, 0) };
	const void *data = sqlite3_column_blob(stmt, 1);
	const void *sha256 = sqlite3_column_blob(stmt, 3);

	column_text(stmt, 2, blob.file, sizeof(blob.file));
	if (sha256 != NULL)
		memcpy(blob.sha256, sha256, sizeof(blob.sha256));
	if (data != NULL) {
		blob.data = malloc((size_t)blob.bytes);
		if (blob.data == NULL)
			return err_set(err, ENOMEM, "a value of %" PRIu64 " bytes", blob.bytes);
		memcpy(blob.data, data, (size_t)blob.bytes);
	}
	*ret = blob;
	return 0;
}

static int sqlite_blob_get(struct store *store, uint64_t seq, enum job_blob kind,
	struct store_blob *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	struct store_blob blob = { 0 };
	int r = prepare(s, ST_BLOB_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, kind);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	if (r > 0)
		r = blob_of_row(stmt, &blob, err);
	if (r < 0)
		return r;
	*ret = blob;
	return 0;
}

static int sqlite_blobs_get(
	struct store *store, uint64_t seq, unsigned want, struct store_blob *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_BLOBS_GET, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	bind_int(stmt, 2, want);
	while ((r = step(s, stmt, err)) > 0) {
		int kind = sqlite3_column_int(stmt, 4);

		if (kind >= 0 && kind < JOB_BLOB_MAX_)
			r = blob_of_row(stmt, &ret[kind], err);
		if (r < 0)
			return r;
	}
	return r;
}

static int sqlite_blob_sizes(struct store *store, uint64_t seq, uint64_t *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	uint64_t sizes[JOB_BLOB_MAX_] = { 0 };
	int r = prepare(s, ST_BLOB_SIZES, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	while ((r = step(s, stmt, err)) > 0) {
		int kind = sqlite3_column_int(stmt, 0);

		if (kind >= 0 && kind < JOB_BLOB_MAX_)
			sizes[kind] = (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	if (r < 0)
		return r;
	memcpy(ret, sizes, sizeof(sizes));
	return 0;
}

static int sqlite_each_event(
	struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_EVENTS_OF, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	while ((r = step(s, stmt, err)) > 0) {
		r = fn((uint32_t)sqlite3_column_int64(stmt, 0),
			(enum store_event)sqlite3_column_int(stmt, 1),
			sqlite3_column_int64(stmt, 2), (const char *)sqlite3_column_text(stmt, 3),
			arg, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int sqlite_clear(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare_write(s, ST_CLEAR, &stmt, err);

	return r < 0 ? r : step(s, stmt, err);
}

/* --- the end of a job's stay --- */

static int take_done(struct sqlite *s, sqlite3_stmt *stmt, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	size_t n = 0;
	int r = 0;

	while (n < limit && (r = step(s, stmt, err)) > 0) {
		ret[n].seq = (uint64_t)sqlite3_column_int64(stmt, 0);
		ret[n].bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
		ret[n].ended_age_ms = sqlite3_column_int64(stmt, 2);
		column_text(stmt, 3, ret[n].client, sizeof(ret[n].client));
		n++;
	}
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

static int sqlite_oldest_done(struct store *store, const char *client, size_t limit,
	struct store_done *ret, size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_OLDEST_DONE, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, client);
	bind_int(stmt, 2, (int64_t)limit);
	return take_done(s, stmt, limit, ret, ret_n, err);
}

static int sqlite_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	char client[STORE_CLIENT_MAX + 1];
	int r = prepare(s, ST_EACH_KEPT, &stmt, err);

	while (r == 0 && (r = step(s, stmt, err)) > 0) {
		column_text(stmt, 0, client, sizeof(client));
		r = fn(client, (uint64_t)sqlite3_column_int64(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
			arg);
	}
	return r;
}

static int sqlite_expired(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_EXPIRED, &stmt, err);

	if (r < 0)
		return r;
	bind_int(stmt, 1, age_ms);
	bind_int(stmt, 2, (int64_t)limit);
	return take_done(s, stmt, limit, ret, ret_n, err);
}

static int sqlite_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_NEXT_EXPIRY, &stmt, err);

	if (r == 0)
		r = step(s, stmt, err);
	if (r < 0)
		return r;
	*ret_age_ms = r == 0 ? INT64_MAX : sqlite3_column_int64(stmt, 0);
	return 0;
}

static int each_file(
	struct sqlite *s, sqlite3_stmt *stmt, store_file_fn *fn, void *arg, struct err *err)
{
	char file[STORE_FILE_CHARS + 1];
	int r;

	while ((r = step(s, stmt, err)) > 0) {
		column_text(stmt, 0, file, sizeof(file));
		fn(file, arg);
	}
	return r;
}

static int sqlite_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *files = NULL;
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_FILES_OF, &files, err);

	if (r < 0)
		return r;
	bind_int(files, 1, (int64_t)seq);
	r = each_file(s, files, fn, arg, err);
	if (r == 0)
		r = prepare_write(s, ST_JOB_DELETE, &stmt, err);
	if (r < 0)
		return r;
	bind_int(stmt, 1, (int64_t)seq);
	return step_fenced(s, stmt, seq, err);
}

static int sqlite_file_named(struct store *store, const char *file, bool *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_FILE_NAMED, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, file);
	r = step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}

static int sqlite_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = prepare(s, ST_EACH_FILE, &stmt, err);

	return r < 0 ? r : each_file(s, stmt, fn, arg, err);
}

/* --- upkeep --- */

static uint64_t sqlite_bytes(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	sqlite3_stmt *stmt = NULL;
	uint64_t bytes = 0;

	if (sqlite3_prepare_v2(s->db,
		    "SELECT page_count * page_size FROM pragma_page_count, "
		    "pragma_page_size",
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return bytes;
}

/* After each commit, with the number of frames in the WAL. */
static int on_wal(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct sqlite *s = arg;

	s->wal_frames = frames;
	if (frames >= FALLBACK_FRAMES)
		(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

static bool sqlite_wants_checkpoint(struct store *store)
{
	return sqlite_of(store)->wal_frames >= CHECKPOINT_FRAMES;
}

static int checkpoint_by(sqlite3 *db, int *ret_moved, struct err *err)
{
	int frames = 0, moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);

	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		return fail(db, rc, "checkpoint", err);
	*ret_moved = moved;
	return 0;
}

static int sqlite_checkpoint(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	return checkpoint_by(s->checkpointer, &s->moved_frames, err);
}

/*
 * The WAL begins anew, over its old frames, only where all of them were moved: a file that
 * does not grow is synced faster, and is bounded.
 */
static int sqlite_checkpoint_rest(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	if (s->wal_frames - s->moved_frames > REST_FRAMES)
		return 0; /* it would take too long */
	return checkpoint_by(s->db, &s->moved_frames, err);
}

/* --- opening --- */

static int exec(sqlite3 *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(db, rc, sql, err);
}

static int open_connection(const char *where, sqlite3 **ret, struct err *err)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(where, &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_PRIVATECACHE,
		SQLITE_VFS_RELATIVE);
	int r;

	if (rc != SQLITE_OK) {
		r = err_say(err, errno_of(rc), "store '%s': %s", where,
			db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db));
		(void)sqlite3_close(db);
		return r;
	}
	(void)sqlite3_busy_timeout(db, BUSY_MS);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
	r = exec(db,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
		"PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; "
		/* At most 32 MiB, used as it is needed: the indexes of some 500,000 jobs. */
		"PRAGMA cache_size = -32768",
		err);
	if (r < 0) {
		(void)sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

/* One row with one text; "" for none. */
static int one_text(sqlite3 *db, const char *sql, char *ret, size_t size, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	int r = 0;

	ret[0] = '\0';
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			column_text(stmt, 0, ret, size);
	}
	if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
		r = fail(db, rc, sql, err);
	(void)sqlite3_finalize(stmt);
	return r;
}

static int check_sound(sqlite3 *db, const char *where, struct err *err)
{
	char answer[200];
	int r = one_text(db, "PRAGMA quick_check(1)", answer, sizeof(answer), err);

	if (r < 0)
		return r;
	if (strcmp(answer, "ok") != 0)
		return err_say(err, EUCLEAN, "store '%s' is damaged: %s", where, answer);
	return 0;
}

/* All versions that are missing, or none. */
static int migrate(sqlite3 *db, long from, struct err *err)
{
	static const char *const migrations[STORE_SCHEMA] = { SQLITE_TO_1, SQLITE_TO_2 };
	char set[64];
	int r;

	(void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", STORE_SCHEMA);
	r = exec(db, "BEGIN IMMEDIATE", err);
	for (long v = from; r == 0 && v < STORE_SCHEMA; v++)
		r = exec(db, migrations[v], err);
	if (r == 0)
		r = exec(db, set, err);
	if (r == 0)
		r = exec(db, "COMMIT", err);
	return r;
}

static int check_schema(sqlite3 *db, const char *where, struct err *err)
{
	char text[32];
	long version;
	int r = one_text(db, "PRAGMA user_version", text, sizeof(text), err);

	if (r < 0)
		return r;
	version = strtol(text, NULL, 10);
	if (version < 0 || version > STORE_SCHEMA)
		return err_say(err, EPROTO,
			"store '%s' has schema %ld; this program knows %d: it was written by a "
			"newer version",
			where, version, STORE_SCHEMA);
	return version < STORE_SCHEMA ? migrate(db, version, err) : 0;
}

static void sqlite_close(struct store *store)
{
	struct sqlite *s = sqlite_of(store);

	for (int i = 0; i < ST_MAX_; i++)
		(void)sqlite3_finalize(s->prepared[i]);
	(void)sqlite3_close(s->checkpointer);
	(void)sqlite3_close(s->db); /* the last one: checkpoints and removes the WAL */
	free(s);
}

static int open_all(struct sqlite *s, const char *where, struct err *err)
{
	int r = open_connection(where, &s->db, err);

	if (r == 0)
		r = check_sound(s->db, where, err);
	if (r == 0)
		r = check_schema(s->db, where, err);
	if (r == 0)
		r = open_connection(where, &s->checkpointer, err);
	if (r == 0)
		(void)sqlite3_wal_hook(s->db, on_wal, s);
	return r;
}

static int sqlite_open(const char *where, const char *node, struct store **ret, struct err *err)
{
	struct sqlite *s;
	int r;

	if (node != NULL)
		return err_say(err, EINVAL, "store: a file cannot be shared by several machines");
	r = sqlite_vfs_register(err);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, ENOMEM, "store");
	s->store.ops = &store_sqlite_ops;
	r = open_all(s, where, err);
	if (r < 0) {
		sqlite_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return 0;
}

const struct store_ops store_sqlite_ops = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.read_begin = sqlite_read_begin,
	.read_end = sqlite_read_end,
	.meta_get = sqlite_meta_get,
	.meta_set = sqlite_meta_set,
	.job_insert = sqlite_job_insert,
	.job_get = sqlite_job_get,
	.job_get_seq = sqlite_job_get_seq,
	.job_put = sqlite_job_put,
	.each_event = sqlite_each_event,
	.clear = sqlite_clear,
	.job_withdraw = sqlite_job_withdraw,
	.key_put = sqlite_key_put,
	.key_get = sqlite_key_get,
	.key_of = sqlite_key_of,
	.key_remove = sqlite_key_remove,
	.client_add = sqlite_client_add,
	.client_delete = sqlite_client_delete,
	.each_client = sqlite_each_client,
	.pause_set = sqlite_pause_set,
	.each_pause = sqlite_each_pause,
	.audit_add = sqlite_audit_add,
	.audit_list = sqlite_audit_list,
	.callback_put = sqlite_callback_put,
	.callback_get = sqlite_callback_get,
	.callback_start = sqlite_callback_start,
	.callbacks_due = sqlite_callbacks_due,
	.next_callback = sqlite_next_callback,
	.callback_move = sqlite_callback_move,
	.callback_end = sqlite_callback_end,
	.job_claim = sqlite_job_claim,
	.job_started = sqlite_job_started,
	.job_requeue = sqlite_job_requeue,
	.job_end = sqlite_job_end,
	.next_seq = sqlite_next_seq,
	.job_write = sqlite_job_write,
	.lease_renew = sqlite_lease_renew,
	.event_add = sqlite_event_add,
	.blob_put = sqlite_blob_put,
	.blob_get = sqlite_blob_get,
	.blob_sizes = sqlite_blob_sizes,
	.blobs_get = sqlite_blobs_get,
	.each_open = sqlite_each_open,
	.list = sqlite_list,
	.expired = sqlite_expired,
	.oldest_done = sqlite_oldest_done,
	.each_kept = sqlite_each_kept,
	.next_expiry = sqlite_next_expiry,
	.job_delete = sqlite_job_delete,
	.file_named = sqlite_file_named,
	.each_file = sqlite_each_file,
	.bytes = sqlite_bytes,
	.wants_checkpoint = sqlite_wants_checkpoint,
	.checkpoint = sqlite_checkpoint,
	.checkpoint_rest = sqlite_checkpoint_rest,
};
