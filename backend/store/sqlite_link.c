/* SPDX-License-Identifier: MIT */
/* A connection to the file: its statements, their values and columns, and transactions. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"
#include "sqlite_vfs.h"

#define BUSY_MS 5000

static const char *const statement_sql[ST_MAX_] = {
#define X(name, sql) [ST_##name] = sql,
	STATEMENTS(X)
#undef X
};

/* SQLite calls a file damaged that the disk cannot read. */
static bool disk_failed(sqlite3 *db)
{
	sqlite3_file *wal = NULL;
	int code[2] = { 0 };

	if (db == NULL)
		return false;
	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_LAST_ERRNO, &code[0]);
	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &wal);
	if (wal != NULL && wal->pMethods != NULL)
		(void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &code[1]);
	for (size_t i = 0; i < 2; i++)
		if (code[i] == EIO || code[i] == ENXIO || code[i] == ERANGE)
			return true;
	return false;
}

/*
 * Why a file cannot be opened. One that cannot be made is looked for once more without making it,
 * so that there is none: what the reason was, SQLite has forgotten.
 */
static int errno_of_open(sqlite3 *db)
{
	int code = db == NULL ? ENOMEM : sqlite3_system_errno(db);

	switch (code) {
	case 0:
	case EISDIR:
	case ENOTDIR:
	case EPERM:
		return EACCES;
	case ENOENT:
		return EIO;
	default:
		return code;
	}
}

int sqlite_errno(sqlite3 *db, int rc)
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
		return disk_failed(db) ? EIO : EUCLEAN;
	case SQLITE_CANTOPEN:
		return errno_of_open(db);
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_CONSTRAINT:
		return EEXIST;
	default:
		return EIO;
	}
}

int sqlite_fail(sqlite3 *db, int rc, const char *what, struct err *err)
{
	return err_say(err, sqlite_errno(db, rc), "store: %s: %s", what,
		db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db));
}

/* --- statements --- */

/* A statement ready for binding; done with by sqlite_finish_p(). */
int sqlite_prepare(struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err)
{
	if (s->prepared[which] == NULL) {
		int rc = sqlite3_prepare_v3(s->db, statement_sql[which], -1,
			SQLITE_PREPARE_PERSISTENT, &s->prepared[which], NULL);

		if (rc != SQLITE_OK)
			return sqlite_fail(s->db, rc, "prepare", err);
	}
	*ret = s->prepared[which];
	return 0;
}

void sqlite_finish_p(sqlite3_stmt **stmt)
{
	if (*stmt == NULL)
		return;
	(void)sqlite3_reset(*stmt);
	(void)sqlite3_clear_bindings(*stmt);
}

/* A write needs a transaction; SQLite itself may have ended it after an earlier failure. */
int sqlite_prepare_write(
	struct sqlite *s, enum statement which, sqlite3_stmt **ret, struct err *err)
{
	if (sqlite3_get_autocommit(s->db) != 0)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	return sqlite_prepare(s, which, ret, err);
}

void sqlite_bind_int(sqlite3_stmt *stmt, int n, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, n, v); /* fails only for a number out of range */
}

void sqlite_bind_text(sqlite3_stmt *stmt, int n, const char *text)
{
	(void)sqlite3_bind_text(stmt, n, text == NULL ? "" : text, -1, SQLITE_STATIC);
}

void sqlite_bind_bytes(sqlite3_stmt *stmt, int n, const void *data, size_t len)
{
	(void)sqlite3_bind_blob64(stmt, n, data, len, SQLITE_STATIC);
}

/* 1: a row is there; 0: no more; negative. */
int sqlite_step(struct sqlite *s, sqlite3_stmt *stmt, struct err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return sqlite_fail(s->db, sqlite3_extended_errcode(s->db), sqlite3_sql(stmt), err);
}

/* One row changed, or -ESTALE: somebody else's move came first. */
int sqlite_step_fenced(struct sqlite *s, sqlite3_stmt *stmt, uint64_t seq, struct err *err)
{
	int r = sqlite_step(s, stmt, err);

	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) != 1)
		return err_say(err, ESTALE, "job %" PRIu64 " has moved on", seq);
	return 0;
}

static int run(struct sqlite *s, enum statement which, struct err *err)
{
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, which, &stmt, err);

	return r < 0 ? r : sqlite_step(s, stmt, err);
}

/* --- columns --- */

void sqlite_column_text(sqlite3_stmt *stmt, int n, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, n);

	(void)snprintf(ret, size, "%s", text == NULL ? "" : text);
}

void sqlite_column_id(sqlite3_stmt *stmt, int n, struct job_id *ret)
{
	const void *bytes = sqlite3_column_blob(stmt, n);

	memset(ret, 0, sizeof(*ret));
	if (bytes != NULL && sqlite3_column_bytes(stmt, n) == JOB_ID_BYTES)
		memcpy(ret->b, bytes, JOB_ID_BYTES);
}

enum verdict sqlite_column_verdict(sqlite3_stmt *stmt, int n)
{
	int v;

	if (sqlite3_column_type(stmt, n) == SQLITE_NULL)
		return VERDICT_MAX_;
	v = sqlite3_column_int(stmt, n);
	return v >= 0 && v < (int)VERDICT_MAX_ ? (enum verdict)v : VERDICT_ENGINE_ERROR;
}

enum callback_state sqlite_column_callback(sqlite3_stmt *stmt, int n)
{
	int v = sqlite3_column_int(stmt, n);

	return v >= 0 && v < (int)CALLBACK_STATE_MAX_ ? (enum callback_state)v : CALLBACK_NONE;
}

/* --- transactions --- */

int sqlite_begin(struct store *store, struct err *err)
{
	return run(sqlite_of(store), ST_BEGIN, err);
}

int sqlite_commit(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	if (sqlite3_get_autocommit(s->db) != 0)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	return run(s, ST_COMMIT, err);
}

void sqlite_rollback(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	struct err err;

	if (sqlite3_get_autocommit(s->db) == 0)
		(void)run(s, ST_ROLLBACK, &err);
}

/* Each statement by itself takes and leaves the WAL's lock: two system calls. */
int sqlite_read_begin(struct store *store, struct err *err)
{
	return run(sqlite_of(store), ST_READ_BEGIN, err);
}

void sqlite_read_end(struct store *store)
{
	struct err err;

	if (run(sqlite_of(store), ST_COMMIT, &err) < 0)
		sqlite_rollback(store);
}

/* --- opening --- */

int sqlite_exec(sqlite3 *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_fail(db, rc, sql, err);
}

/* A file that was not made: where nobody may make one there, that is the reason. */
static int open_errno(sqlite3 *db, int rc, const char *where)
{
	const char *slash = strrchr(where, '/');
	char dir[256];

	(void)snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - where),
		slash == NULL ? "." : where);
	if ((rc & 0xff) == SQLITE_CANTOPEN && access(dir, W_OK | X_OK) < 0 && errno == EACCES)
		return EACCES;
	return sqlite_errno(db, rc);
}

int sqlite_open_connection(const char *where, sqlite3 **ret, struct err *err)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(where, &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_PRIVATECACHE,
		SQLITE_VFS_RELATIVE);
	int r;

	if (rc != SQLITE_OK) {
		r = err_say(err, open_errno(db, rc, where), "store '%s': %s", where,
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
	r = sqlite_exec(db,
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
