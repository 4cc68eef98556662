/* SPDX-License-Identifier: MIT */
/* Clients, and who did what: parts of the store in SQLite that are rarely used. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sqlite.h"

#define PRUNE_EACH 256 /* entries of the audit */

static void finalize_p(sqlite3_stmt **stmt)
{
	(void)sqlite3_finalize(*stmt);
}

#define cleanup_rare CLEANUP(finalize_p)

/* A statement that is prepared when it is needed; `write`: within a transaction. */
static int prepare(
	struct store *store, const char *sql, bool write, sqlite3_stmt **ret, struct err *err)
{
	sqlite3 *db = sqlite_of(store)->db;
	int rc;

	if (write && sqlite3_get_autocommit(db) != 0)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	rc = sqlite3_prepare_v2(db, sql, -1, ret, NULL);
	return rc == SQLITE_OK ? 0 : sqlite_fail(db, rc, "prepare", err);
}

/* 1: a row is there; 0: no more; negative. */
static int step(struct store *store, sqlite3_stmt *stmt, struct err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return sqlite_fail(sqlite_of(store)->db, rc, sqlite3_sql(stmt), err);
}

static void bind_text(sqlite3_stmt *stmt, int n, const char *text)
{
	(void)sqlite3_bind_text(stmt, n, text, -1, SQLITE_STATIC);
}

static void column_text(sqlite3_stmt *stmt, int n, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, n);

	(void)snprintf(ret, size, "%s", text == NULL ? "" : text);
}

/* --- clients --- */

int sqlite_client_add(struct store *store, const struct store_client *client, struct err *err)
{
	const struct client *c = &client->client;
	const int64_t numbers[] = { c->weight, c->max_running, c->max_queued, c->rate, c->burst,
		c->max_bytes };
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int n = 1;
	int r = prepare(store,
		"INSERT INTO client (" CLIENT_COLUMNS ") "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		true, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, n++, c->name);
	(void)sqlite3_bind_blob(stmt, n++, c->token_hash, CLIENT_HASH_BYTES, SQLITE_STATIC);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sqlite3_bind_int64(stmt, n++, numbers[i]);
	bind_text(stmt, n++, c->tasks);
	(void)sqlite3_bind_int(stmt, n++, c->is_operator ? 1 : 0);
	(void)sqlite3_bind_int64(stmt, n, client->made_unix_ms);
	return step(store, stmt, err);
}

int sqlite_client_delete(struct store *store, const char *name, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int r = prepare(store, "DELETE FROM client WHERE name = ?1", true, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, name);
	r = step(store, stmt, err);
	if (r == 0 && sqlite3_changes(sqlite_of(store)->db) != 1)
		return err_say(err, ENOENT, "no such client");
	return r;
}

/* CLIENT_COLUMNS */
static void client_of(sqlite3_stmt *stmt, struct store_client *ret)
{
	struct client *c = &ret->client;
	const void *hash = sqlite3_column_blob(stmt, 1);
	int n = 2;

	*ret = (struct store_client){ 0 };
	column_text(stmt, 0, c->name, sizeof(c->name));
	if (hash != NULL && sqlite3_column_bytes(stmt, 1) == CLIENT_HASH_BYTES)
		memcpy(c->token_hash, hash, CLIENT_HASH_BYTES);
	c->weight = sqlite3_column_int(stmt, n++);
	c->max_running = sqlite3_column_int(stmt, n++);
	c->max_queued = sqlite3_column_int(stmt, n++);
	c->rate = sqlite3_column_int64(stmt, n++);
	c->burst = sqlite3_column_int(stmt, n++);
	c->max_bytes = sqlite3_column_int64(stmt, n++);
	column_text(stmt, n++, c->tasks, sizeof(c->tasks));
	c->is_operator = sqlite3_column_int(stmt, n++) != 0;
	ret->made_unix_ms = sqlite3_column_int64(stmt, n);
}

int sqlite_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	struct store_client client;
	int r = prepare(
		store, "SELECT " CLIENT_COLUMNS " FROM client ORDER BY name", false, &stmt, err);

	while (r == 0 && (r = step(store, stmt, err)) > 0) {
		client_of(stmt, &client);
		r = fn(&client, arg, err);
	}
	return r;
}

/* --- who did what --- */

static int prune(struct store *store, int64_t last, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int r = prepare(store, "DELETE FROM audit WHERE n <= ?1", true, &stmt, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, last - STORE_AUDIT_MAX);
	return step(store, stmt, err);
}

int sqlite_audit_add(struct store *store, const struct store_audit *entry, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int64_t n;
	int r = prepare(store,
		"INSERT INTO audit (at_unix_ms, who, what, object, detail) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		true, &stmt, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, entry->at_unix_ms);
	bind_text(stmt, 2, entry->who);
	bind_text(stmt, 3, entry->what);
	bind_text(stmt, 4, entry->object);
	bind_text(stmt, 5, entry->detail);
	r = step(store, stmt, err);
	if (r < 0)
		return r;
	n = sqlite3_last_insert_rowid(sqlite_of(store)->db);
	return n % PRUNE_EACH == 0 && n > STORE_AUDIT_MAX ? prune(store, n, err) : 0;
}

int sqlite_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int r = prepare(store,
		oldest_first ? "SELECT n, at_unix_ms, who, what, object, detail FROM audit "
			       "WHERE n > ?1 ORDER BY n LIMIT ?2"
			     : "SELECT n, at_unix_ms, who, what, object, detail FROM audit "
			       "WHERE n < ?1 ORDER BY n DESC LIMIT ?2",
		false, &stmt, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, (int64_t)cursor);
	(void)sqlite3_bind_int64(stmt, 2, (int64_t)limit);
	while (n < limit && (r = step(store, stmt, err)) > 0) {
		struct store_audit *entry = &ret[n++];

		entry->n = (uint64_t)sqlite3_column_int64(stmt, 0);
		entry->at_unix_ms = sqlite3_column_int64(stmt, 1);
		column_text(stmt, 2, entry->who, sizeof(entry->who));
		column_text(stmt, 3, entry->what, sizeof(entry->what));
		column_text(stmt, 4, entry->object, sizeof(entry->object));
		column_text(stmt, 5, entry->detail, sizeof(entry->detail));
	}
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

/* --- pauses --- */

int sqlite_pause_set(struct store *store, const char *task, bool paused, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int r = prepare(store,
		paused ? "INSERT OR IGNORE INTO pause (task) VALUES (?1)"
		       : "DELETE FROM pause WHERE task = ?1",
		true, &stmt, err);

	if (r < 0)
		return r;
	bind_text(stmt, 1, task);
	return step(store, stmt, err);
}

int sqlite_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err)
{
	cleanup_rare sqlite3_stmt *stmt = NULL;
	int r = prepare(store, "SELECT task FROM pause", false, &stmt, err);

	while (r == 0 && (r = step(store, stmt, err)) > 0) {
		fn((const char *)sqlite3_column_text(stmt, 0), arg);
		r = 0;
	}
	return r;
}
