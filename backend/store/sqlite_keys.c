/* SPDX-License-Identifier: MIT */
/* What makes submits safe to repeat: keys, and a job that is taken back. */
#include <errno.h>
#include <string.h>

#include "sqlite.h"

/* A statement about the job, no matter how many rows it finds. */
static int write_seq(struct store *store, enum statement which, uint64_t seq, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, which, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	return sqlite_step(s, stmt, err);
}

int sqlite_job_withdraw(struct store *store, uint64_t seq, struct err *err)
{
	return write_seq(store, ST_JOB_WITHDRAW, seq, err);
}

int sqlite_key_put(struct store *store, const struct store_key *key, bool *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare_write(s, ST_KEY_PUT, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, key->client);
	sqlite_bind_text(stmt, 2, key->name);
	sqlite_bind_bytes(stmt, 3, key->fingerprint, sizeof(key->fingerprint));
	sqlite_bind_int(stmt, 4, (int64_t)key->seq);
	r = sqlite_step(s, stmt, err);
	if (r < 0)
		return r;
	*ret = sqlite3_changes(s->db) == 1;
	return 0;
}

static int take_key(struct sqlite *s, sqlite3_stmt *stmt, struct store_key *ret, struct err *err)
{
	struct store_key key = { 0 };
	const void *fingerprint;
	int r = sqlite_step(s, stmt, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ENOENT, "no such key");
	sqlite_column_text(stmt, 0, key.client, sizeof(key.client));
	sqlite_column_text(stmt, 1, key.name, sizeof(key.name));
	fingerprint = sqlite3_column_blob(stmt, 2);
	if (fingerprint != NULL && sqlite3_column_bytes(stmt, 2) == STORE_SHA256)
		memcpy(key.fingerprint, fingerprint, STORE_SHA256);
	key.seq = (uint64_t)sqlite3_column_int64(stmt, 3);
	*ret = key;
	return 0;
}

int sqlite_key_get(struct store *store, const char *client, const char *name, struct store_key *ret,
	struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_KEY_GET, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_text(stmt, 1, client);
	sqlite_bind_text(stmt, 2, name);
	return take_key(s, stmt, ret, err);
}

int sqlite_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err)
{
	struct sqlite *s = sqlite_of(store);
	cleanup_stmt sqlite3_stmt *stmt = NULL;
	int r = sqlite_prepare(s, ST_KEY_OF, &stmt, err);

	if (r < 0)
		return r;
	sqlite_bind_int(stmt, 1, (int64_t)seq);
	return take_key(s, stmt, ret, err);
}

int sqlite_key_remove(struct store *store, uint64_t seq, struct err *err)
{
	return write_seq(store, ST_KEY_REMOVE, seq, err);
}
