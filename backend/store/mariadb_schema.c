/* SPDX-License-Identifier: MIT */
#include "mariadb_schema.h"

#include <errno.h>
#include <mariadb/mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "store.h"
#include "wire/spec.h"

#define LOCK_S   "30"
#define TEXT(x)  TEXT_(x)
#define TEXT_(x) #x

/* clang-format off */
#define TABLE(name, columns) \
	"CREATE TABLE IF NOT EXISTS " name " (" columns ") ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin"

/* What brings the schema from version N - 1 to N. Each may be run again: MariaDB commits every one. */
static const char *const to_1[] = {
	TABLE("meta",
		"name VARCHAR(64) NOT NULL PRIMARY KEY,"
		"value VARCHAR(200) NOT NULL"),
	TABLE("job",
		"seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
		"id BINARY(32) NOT NULL,"
		"client VARBINARY(64) NOT NULL,"
		"task VARBINARY(64) NOT NULL,"
		"classic TINYINT NOT NULL CHECK (classic IN (0, 1)),"
		"state TINYINT NOT NULL CHECK (state BETWEEN 0 AND 2),"
		"verdict SMALLINT CHECK (verdict >= 0),"
		"attempt INT UNSIGNED NOT NULL,"
		"failures INT UNSIGNED NOT NULL,"
		"priority INT UNSIGNED NOT NULL,"
		"cpus BIGINT NOT NULL CHECK (cpus > 0),"
		"memory_bytes BIGINT NOT NULL CHECK (memory_bytes > 0),"
		"queued_unix_ms BIGINT NOT NULL,"
		"started_unix_ms BIGINT NOT NULL,"
		"finished_unix_ms BIGINT NOT NULL,"
		"retention_s BIGINT NOT NULL CHECK (retention_s > 0),"
		"expires_age_ms BIGINT NOT NULL,"
		"node VARBINARY(64) NOT NULL,"
		"driver BIGINT UNSIGNED NOT NULL,"
		"lease_until_age_ms BIGINT NOT NULL,"
		"image VARBINARY(255) NOT NULL,"
		"isolation TINYINT NOT NULL CHECK (isolation >= 0),"
		"error VARBINARY(1000) NOT NULL,"
		"UNIQUE KEY job_id (id),"
		"KEY job_state (state, seq),"
		"KEY job_task (task, state, seq),"
		"KEY job_expires (state, expires_age_ms),"
		"CHECK ((state = 2) = (verdict IS NOT NULL)),"
		"CHECK ((state = 1) = (driver <> 0))"),
	TABLE("job_blob",
		"seq BIGINT UNSIGNED NOT NULL,"
		"kind TINYINT NOT NULL CHECK (kind BETWEEN 0 AND 5),"
		"bytes BIGINT UNSIGNED NOT NULL CHECK (bytes > 0),"
		"data MEDIUMBLOB,"
		"file VARBINARY(40),"
		"sha256 BINARY(32),"
		"PRIMARY KEY (seq, kind),"
		"UNIQUE KEY blob_file (file),"
		"CHECK (data IS NULL OR (LENGTH(data) = bytes AND bytes <= 65536)),"
		"CHECK ((data IS NULL) = (file IS NOT NULL)),"
		"CHECK ((file IS NULL) = (sha256 IS NULL)),"
		"FOREIGN KEY blob_of_job (seq) REFERENCES job (seq) ON DELETE CASCADE"),
	TABLE("job_event",
		"seq BIGINT UNSIGNED NOT NULL,"
		"attempt INT UNSIGNED NOT NULL,"
		"n INT UNSIGNED NOT NULL,"
		"at_unix_ms BIGINT NOT NULL,"
		"kind TINYINT NOT NULL CHECK (kind >= 0),"
		"data VARBINARY(1000) NOT NULL,"
		"PRIMARY KEY (seq, attempt, n),"
		"FOREIGN KEY event_of_job (seq) REFERENCES job (seq) ON DELETE CASCADE"),
	TABLE("job_file",
		"name VARBINARY(40) NOT NULL PRIMARY KEY,"
		"bytes BIGINT UNSIGNED NOT NULL,"
		"made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,"
		"KEY file_made (made)"),
	TABLE("file_chunk",
		"name VARBINARY(40) NOT NULL,"
		"n INT UNSIGNED NOT NULL,"
		"data MEDIUMBLOB NOT NULL CHECK (LENGTH(data) <= 1048576),"
		"PRIMARY KEY (name, n),"
		"FOREIGN KEY chunk_of_file (name) REFERENCES job_file (name) ON DELETE CASCADE"),
	TABLE("change_counter",
		"one TINYINT NOT NULL PRIMARY KEY CHECK (one = 1),"
		"n BIGINT UNSIGNED NOT NULL"),
	"INSERT IGNORE INTO change_counter (one, n) VALUES (1, 0)",
	TABLE("journal",
		"n BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
		"writer BIGINT UNSIGNED NOT NULL,"
		"txn BIGINT UNSIGNED NOT NULL,"
		"made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,"
		"jobs MEDIUMBLOB NOT NULL,"
		"UNIQUE KEY journal_txn (writer, txn),"
		"KEY journal_made (made)"),
	TABLE("node",
		"name VARBINARY(64) NOT NULL PRIMARY KEY,"
		"writer BIGINT UNSIGNED NOT NULL,"
		"seen TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"),
};

static const char *const to_2[] = {
	/* Keys that make a submit safe to repeat. */
	TABLE("job_key",
		"client VARBINARY(64) NOT NULL,"
		"name VARBINARY(255) NOT NULL,"
		"fingerprint BINARY(32) NOT NULL,"
		"seq BIGINT UNSIGNED NOT NULL,"
		"PRIMARY KEY (client, name),"
		"UNIQUE KEY job_key_seq (seq),"
		"FOREIGN KEY key_of_job (seq) REFERENCES job (seq) ON DELETE CASCADE"),
	"ALTER TABLE job ADD COLUMN IF NOT EXISTS bytes BIGINT UNSIGNED NOT NULL DEFAULT 0, "
		"ADD COLUMN IF NOT EXISTS trace VARBINARY(55) NOT NULL DEFAULT '', "
		"ADD COLUMN IF NOT EXISTS ended_age_ms BIGINT AS (expires_age_ms - 1000 * retention_s) PERSISTENT",
	"UPDATE job j SET bytes = (SELECT COALESCE(SUM(b.bytes), 0) FROM job_blob b WHERE b.seq = j.seq)",
	"CREATE INDEX IF NOT EXISTS job_kept ON job (state, client, ended_age_ms, bytes)",
	"CREATE INDEX IF NOT EXISTS job_client ON job (client, state, seq)",
	"CREATE INDEX IF NOT EXISTS job_client_task ON job (client, task, state, seq)",
	TABLE("client",
		"name VARBINARY(64) NOT NULL PRIMARY KEY CHECK (name <> ''),"
		"token_hash BINARY(32) NOT NULL,"
		"weight INT NOT NULL CHECK (weight > 0),"
		"max_running INT NOT NULL CHECK (max_running >= 0),"
		"max_queued INT NOT NULL CHECK (max_queued >= 0),"
		"rate BIGINT NOT NULL CHECK (rate >= 0),"
		"burst INT NOT NULL CHECK (burst >= 0),"
		"max_bytes BIGINT NOT NULL CHECK (max_bytes >= 0),"
		"tasks VARBINARY(1000) NOT NULL,"
		"is_operator TINYINT NOT NULL CHECK (is_operator IN (0, 1)),"
		"made_unix_ms BIGINT NOT NULL,"
		"UNIQUE KEY client_token (token_hash)"),
	TABLE("audit",
		"n BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
		"at_unix_ms BIGINT NOT NULL,"
		"who VARBINARY(64) NOT NULL,"
		"what VARBINARY(32) NOT NULL,"
		"object VARBINARY(64) NOT NULL,"
		"detail VARBINARY(200) NOT NULL"),
	TABLE("pause", "task VARBINARY(64) NOT NULL PRIMARY KEY"), /* '' is the whole queue */
	/* What came of announcing the ending, a callback_state; and how that goes on. */
	"ALTER TABLE job ADD COLUMN IF NOT EXISTS callback TINYINT NOT NULL DEFAULT 0 CHECK (callback BETWEEN 0 AND 3)",
	TABLE("callback",
		"seq BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
		"url VARBINARY(2000) NOT NULL,"
		"attempts INT UNSIGNED NOT NULL,"
		"ended_age_ms BIGINT NOT NULL,"
		"due_age_ms BIGINT,"
		"error VARBINARY(300) NOT NULL,"
		"KEY callback_due (due_age_ms),"
		"FOREIGN KEY callback_of_job (seq) REFERENCES job (seq) ON DELETE CASCADE"),
};

/*
 * Of a job of the classic face the record of the request is: version (2 bytes), task
 * (length, bytes), no image (5 zeros), no command (4 zeros), one argument (1, length, bytes);
 * numbers are little-endian. That much is the same in these versions; another one has no DATA
 * here.
 */
#define RECORD_IS_OURS \
	"SUBSTR(s.data, 1, 2) IN (UNHEX('0100'), UNHEX('0" TEXT(SPEC_VERSION) "00'))"
#define ARGUMENT_AT    "20 + LENGTH(j.task)"
#define ARGUMENT_BYTES "CONV(HEX(REVERSE(SUBSTR(s.data, " ARGUMENT_AT ", 4))), 16, 10)"

static const struct {
	const char *name, *sql;
} views[] = {
	{ "INSTANCE", "VIEW INSTANCE (ID, STATE, DATA, TIME) AS SELECT LOWER(HEX(j.id)), "
		"ELT(j.state + 1, 'PREPARE', 'WORKING', 'DONE'), "
		"IF(j.classic = 1 AND " RECORD_IS_OURS ", "
		"SUBSTR(s.data, 4 + " ARGUMENT_AT ", " ARGUMENT_BYTES "), NULL), "
		"TIMESTAMP('1970-01-01') + INTERVAL j.queued_unix_ms * 1000 MICROSECOND "
		"FROM job j LEFT JOIN job_blob s ON s.seq = j.seq AND s.kind = 0" },
	{ "RESULT", "VIEW RESULT (ID, DATA) AS SELECT LOWER(HEX(j.id)), "
		"IF(o.seq IS NULL, '', COALESCE(o.data, c.data)) "
		"FROM job j LEFT JOIN job_blob o ON o.seq = j.seq AND o.kind = 3 "
		"LEFT JOIN file_chunk c ON c.name = o.file AND c.n = 0 WHERE j.state = 2" },
};
/* clang-format on */

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *const *sql;
	size_t n;
} migrations[STORE_SCHEMA] = {
	{ to_1, N_OF(to_1) },
	{ to_2, N_OF(to_2) },
};

/* 0: there is none yet. */
static int read_version(struct mariadb_link *link, int64_t *ret, struct err *err)
{
	char text[32] = "";
	int r = mariadb_one_text(
		link, "SELECT value FROM meta WHERE name = 'schema'", text, sizeof(text), err);

	if (r < 0 && mariadb_errno(link) == ER_NO_SUCH_TABLE)
		r = 0;
	if (r < 0)
		return r;
	*ret = 0;
	if (text[0] != '\0' && !number_parse(text, 1, INT32_MAX, ret))
		return err_say(err, EPROTO, "store: the schema's version is no number");
	return 0;
}

/*
 * A view of ours, of an older schema, is made anew where our rights are enough for it (DROP,
 * which is not asked for, is needed), else left as it is; anything else under its name is not
 * ours.
 */
static int make_view(struct mariadb_link *link, size_t i, struct err *err)
{
	char sql[1000], type[32] = "";
	bool there;
	int r;

	(void)snprintf(sql, sizeof(sql),
		"SELECT table_type FROM information_schema.tables "
		"WHERE table_schema = DATABASE() AND table_name = '%s'",
		views[i].name);
	r = mariadb_one_text(link, sql, type, sizeof(type), err);
	if (r < 0)
		return r;
	there = type[0] != '\0';
	if (there && strcmp(type, "VIEW") != 0)
		return err_say(err, EEXIST,
			"store: the database holds a table %s that is not ours (the original's?); "
			"give dockgate a database of its own",
			views[i].name);
	(void)snprintf(sql, sizeof(sql), "CREATE%s %s", there ? " OR REPLACE" : "", views[i].sql);
	r = mariadb_run(link, sql, err);
	return r < 0 && there && mariadb_errno(link) == ER_TABLEACCESS_DENIED_ERROR ? 0 : r;
}

static int migrate(struct mariadb_link *link, int64_t from, struct err *err)
{
	char sql[120];
	int r = 0;

	for (int64_t v = from; r == 0 && v < STORE_SCHEMA; v++)
		for (size_t i = 0; r == 0 && i < migrations[v].n; i++)
			r = mariadb_run(link, migrations[v].sql[i], err);
	for (size_t i = 0; r == 0 && i < N_OF(views); i++)
		r = make_view(link, i, err);
	if (r < 0)
		return r;
	(void)snprintf(sql, sizeof(sql),
		"INSERT INTO meta (name, value) VALUES ('schema', '%d') "
		"ON DUPLICATE KEY UPDATE value = VALUES(value)",
		STORE_SCHEMA);
	return mariadb_run(link, sql, err);
}

static int check_newer(int64_t version, struct err *err)
{
	if (version <= STORE_SCHEMA)
		return 0;
	return err_say(err, EPROTO,
		"store: the database has schema %lld; this program knows %d: it was written by a "
		"newer version",
		(long long)version, STORE_SCHEMA);
}

/* Two machines that start at once: one makes it. */
static int migrate_alone(struct mariadb_link *link, struct err *err)
{
	char got[8] = "";
	struct err ignored;
	int64_t version;
	int r = mariadb_one_text(link,
		"SELECT GET_LOCK(CONCAT('dockgate-schema-', LEFT(SHA1(DATABASE()), 32)), " LOCK_S
		")",
		got, sizeof(got), err);

	if (r == 0 && strcmp(got, "1") != 0)
		r = err_say(err, EBUSY, "store: somebody else is changing the schema");
	if (r < 0)
		return r;
	r = read_version(link, &version, err);
	if (r == 0)
		r = check_newer(version, err);
	if (r == 0 && version < STORE_SCHEMA)
		r = migrate(link, version, err);
	(void)mariadb_one_text(link,
		"SELECT RELEASE_LOCK(CONCAT('dockgate-schema-', LEFT(SHA1(DATABASE()), 32)))", got,
		sizeof(got), &ignored);
	return r;
}

int mariadb_schema_check(struct mariadb_link *link, struct err *err)
{
	int64_t version;
	int r = read_version(link, &version, err);

	if (r == 0 && version < STORE_SCHEMA)
		return migrate_alone(link, err);
	return r < 0 ? r : check_newer(version, err);
}
