/* SPDX-License-Identifier: MIT */
#include "sqlite_schema.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

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
			sqlite_column_text(stmt, 0, ret, size);
	}
	if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
		r = sqlite_fail(db, rc, sql, err);
	(void)sqlite3_finalize(stmt);
	return r;
}

/* SQLite's code where it could not look, which is in its words; else the file is damaged. */
static int code_of(const char *answer)
{
	static const char before[] = "error code=";
	const char *at = strstr(answer, before);
	long code = at == NULL ? 0 : strtol(at + sizeof(before) - 1, NULL, 10);

	return code > 0 && code <= INT_MAX ? (int)code : SQLITE_CORRUPT;
}

int sqlite_check_sound(sqlite3 *db, const char *where, struct err *err)
{
	char answer[200];
	int code, r = one_text(db, "PRAGMA quick_check(1)", answer, sizeof(answer), err);

	if (r < 0)
		return r;
	if (strcmp(answer, "ok") == 0)
		return 0;
	code = sqlite_errno(db, code_of(answer));
	return err_say(err, code, code == EUCLEAN ? "store '%s' is damaged: %s" : "store '%s': %s",
		where, answer);
}

/* All versions that are missing, or none. */
static int migrate(sqlite3 *db, long from, struct err *err)
{
	static const char *const migrations[STORE_SCHEMA] = { SQLITE_TO_1, SQLITE_TO_2 };
	char set[64];
	int r;

	(void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", STORE_SCHEMA);
	r = sqlite_exec(db, "BEGIN IMMEDIATE", err);
	for (long v = from; r == 0 && v < STORE_SCHEMA; v++)
		r = sqlite_exec(db, migrations[v], err);
	if (r == 0)
		r = sqlite_exec(db, set, err);
	if (r == 0)
		r = sqlite_exec(db, "COMMIT", err);
	return r;
}

int sqlite_check_schema(sqlite3 *db, const char *where, struct err *err)
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
