/* SPDX-License-Identifier: MIT */
/* Every statement of the store in MariaDB that has values. */
#pragma once

#include "store_ops.h"

/* X(name, SQL) */
/* clang-format off */
#define STATEMENTS(X) \
	X(META_GET, "SELECT value FROM meta WHERE name = ?") \
	X(META_SET, "INSERT INTO meta (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)") \
	/* seq: NULL takes the next one */ \
	X(JOB_INSERT, "INSERT INTO job (seq, id, client, task, classic, state, attempt, failures, priority, cpus, " \
		"memory_bytes, queued_unix_ms, started_unix_ms, finished_unix_ms, retention_s, expires_age_ms, node, " \
		"driver, lease_until_age_ms, image, isolation, error, bytes, trace, callback) " \
		"VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?, 0, 0, ?, 0, '', 0, 0, '', 0, '', ?, ?, ?)") \
	X(JOB_PUT, "INSERT INTO job (" JOB_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " \
		"?, ?, ?, ?, ?, ?, ?, ?)") \
	X(EVENTS_OF, "SELECT attempt, kind, at_unix_ms, data FROM job_event WHERE seq = ? ORDER BY attempt, n") \
	/* Some at a time: an answer does not take long. */ \
	X(CLEAR_JOBS, "DELETE FROM job ORDER BY seq LIMIT 500") \
	X(CLEAR_FILES, "DELETE FROM job_file ORDER BY name LIMIT 4") \
	X(JOB_GET, "SELECT " JOB_COLUMNS " FROM job WHERE id = ?") \
	X(JOB_GET_SEQ, "SELECT " JOB_COLUMNS " FROM job WHERE seq = ?") \
	X(JOB_OPEN, "SELECT " JOB_COLUMNS " FROM job WHERE state = ? AND seq > ? ORDER BY seq LIMIT 1000") \
	/* Another machine that is about to take it is not waited for. */ \
	X(JOB_FREE, "SELECT seq FROM job WHERE seq = ? AND attempt = ? AND state = 0 FOR UPDATE SKIP LOCKED") \
	X(JOB_CLAIM, "UPDATE job SET state = 1, attempt = attempt + 1, node = ?, driver = ?, " \
		"lease_until_age_ms = ?, started_unix_ms = 0 WHERE seq = ? AND attempt = ? AND state = 0") \
	X(JOB_STARTED, "UPDATE job SET started_unix_ms = ?, image = ?, isolation = ? " \
		"WHERE seq = ? AND attempt = ? AND state = 1") \
	X(JOB_REQUEUE, "UPDATE job SET state = 0, failures = ?, error = ?, node = '', driver = 0, " \
		"lease_until_age_ms = 0, started_unix_ms = 0 WHERE seq = ? AND attempt = ? AND state = 1") \
	X(JOB_END, "UPDATE job SET state = 2, driver = 0, lease_until_age_ms = 0, verdict = ?, error = ?, " \
		"isolation = IF(? = '', isolation, ?), image = IF(? = '', image, ?), " \
		"finished_unix_ms = ?, expires_age_ms = ?, failures = ?, bytes = bytes + ? WHERE seq = ? AND attempt = ? AND state = ?") \
	X(JOB_WITHDRAW, "DELETE FROM job WHERE seq = ? AND state = 0 AND attempt = 0") \
	X(KEY_PUT, "INSERT IGNORE INTO job_key (client, name, fingerprint, seq) VALUES (?, ?, ?, ?)") \
	X(KEY_GET, "SELECT client, name, fingerprint, seq FROM job_key WHERE client = ? AND name = ?") \
	X(KEY_OF, "SELECT client, name, fingerprint, seq FROM job_key WHERE seq = ?") \
	X(KEY_REMOVE, "DELETE FROM job_key WHERE seq = ?") \
	X(CALLBACK_PUT, "INSERT INTO callback (seq, url, attempts, ended_age_ms, due_age_ms, error) " \
		"VALUES (?, ?, ?, ?, ?, ?)") \
	X(CALLBACK_GET, "SELECT " CALLBACK_COLUMNS " WHERE c.seq = ?") \
	X(CALLBACK_START, "UPDATE callback SET ended_age_ms = ?, due_age_ms = ? WHERE seq = ?") \
	X(CALLBACKS_DUE, "SELECT " CALLBACK_COLUMNS " WHERE c.due_age_ms <= ? ORDER BY c.due_age_ms LIMIT ?") \
	X(NEXT_CALLBACK, "SELECT due_age_ms FROM callback WHERE due_age_ms > ? ORDER BY due_age_ms LIMIT 1") \
	X(CALLBACK_MOVE, "UPDATE callback SET due_age_ms = ?, attempts = ?, error = ? WHERE seq = ? AND due_age_ms = ?") \
	X(CALLBACK_END, "UPDATE callback SET due_age_ms = NULL, attempts = ?, error = ? " \
		"WHERE seq = ? AND due_age_ms IS NOT NULL") \
	X(CALLBACK_MARK, "UPDATE job SET callback = ?, expires_age_ms = ? WHERE seq = ? AND state = 2") \
	X(LEASE_RENEW, "UPDATE job SET lease_until_age_ms = ? WHERE state = 1 AND driver = ?") \
	X(EVENT_ADD, "INSERT INTO job_event (seq, attempt, n, at_unix_ms, kind, data) " \
		"SELECT ?, ?, 1 + COALESCE(MAX(n), 0), ?, ?, ? FROM job_event WHERE seq = ? AND attempt = ?") \
	X(BLOB_PUT, "INSERT INTO job_blob (seq, kind, bytes, data, file, sha256) VALUES (?, ?, ?, ?, ?, ?)") \
	X(BLOB_GET, "SELECT bytes, data, file, sha256 FROM job_blob WHERE seq = ? AND kind = ?") \
	X(BLOB_SIZES, "SELECT kind, bytes FROM job_blob WHERE seq = ?") \
	X(LIST_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ? ORDER BY seq DESC LIMIT ?") \
	X(LIST_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ? ORDER BY seq LIMIT ?") \
	X(LIST_STATE_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ? AND state = ? ORDER BY seq DESC LIMIT ?") \
	X(LIST_STATE_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ? AND state = ? ORDER BY seq LIMIT ?") \
	X(LIST_TASK_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ? AND state = ? AND task = ? " \
		"ORDER BY seq DESC LIMIT ?") \
	X(LIST_TASK_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ? AND state = ? AND task = ? " \
		"ORDER BY seq LIMIT ?") \
	X(LIST_CLIENT_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ? AND state = ? AND client = ? " \
		"ORDER BY seq DESC LIMIT ?") \
	X(LIST_CLIENT_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ? AND state = ? AND client = ? " \
		"ORDER BY seq LIMIT ?") \
	X(LIST_BOTH_NEW, "SELECT " ROW_COLUMNS " FROM job WHERE seq < ? AND state = ? AND task = ? AND client = ? " \
		"ORDER BY seq DESC LIMIT ?") \
	X(LIST_BOTH_OLD, "SELECT " ROW_COLUMNS " FROM job WHERE seq > ? AND state = ? AND task = ? AND client = ? " \
		"ORDER BY seq LIMIT ?") \
	X(CLIENT_ADD, "INSERT INTO client (" CLIENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
	X(CLIENT_DELETE, "DELETE FROM client WHERE name = ?") \
	X(EACH_CLIENT, "SELECT " CLIENT_COLUMNS " FROM client ORDER BY name") \
	X(PAUSE_ADD, "INSERT IGNORE INTO pause (task) VALUES (?)") \
	X(PAUSE_DELETE, "DELETE FROM pause WHERE task = ?") \
	X(EACH_PAUSE, "SELECT task FROM pause") \
	X(AUDIT_ADD, "INSERT INTO audit (at_unix_ms, who, what, object, detail) VALUES (?, ?, ?, ?, ?)") \
	X(AUDIT_NEW, "SELECT n, at_unix_ms, who, what, object, detail FROM audit WHERE n < ? ORDER BY n DESC LIMIT ?") \
	X(AUDIT_OLD, "SELECT n, at_unix_ms, who, what, object, detail FROM audit WHERE n > ? ORDER BY n LIMIT ?") \
	X(AUDIT_PRUNE, "DELETE FROM audit WHERE n <= ?") \
	/* What another machine is deleting is passed over. */ \
	X(EXPIRED, "SELECT seq, bytes, ended_age_ms, client FROM job WHERE state = 2 AND expires_age_ms <= ? " \
		"ORDER BY expires_age_ms LIMIT ? FOR UPDATE SKIP LOCKED") \
	X(OLDEST_DONE, "SELECT seq, bytes, ended_age_ms, client FROM job WHERE state = 2 AND client = ? " \
		"ORDER BY ended_age_ms LIMIT ? FOR UPDATE SKIP LOCKED") \
	X(EACH_KEPT, "SELECT client, COUNT(*), CAST(SUM(bytes) AS UNSIGNED), MIN(ended_age_ms) FROM job " \
		"FORCE INDEX (job_kept) WHERE state = ? GROUP BY client") \
	X(NEXT_EXPIRY, "SELECT expires_age_ms FROM job WHERE state = ? ORDER BY expires_age_ms LIMIT 1") \
	X(FILES_OF, "SELECT file FROM job_blob WHERE seq = ? AND file IS NOT NULL") \
	X(JOB_DELETE, "DELETE FROM job WHERE seq = ? AND state = 2") \
	X(FILE_NAMED, "SELECT 1 FROM job_blob WHERE file = ?") \
	X(EACH_FILE, "SELECT file FROM job_blob WHERE file > ? ORDER BY file LIMIT 1000") \
	X(BYTES, "SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables " \
		"WHERE table_schema = DATABASE()") \
	X(COUNT_UP, "UPDATE change_counter SET n = LAST_INSERT_ID(n + 1) WHERE one = 1") \
	X(JOURNAL_ADD, "INSERT INTO journal (n, writer, txn, jobs) VALUES (?, ?, ?, ?)") \
	X(JOURNAL_HAS, "SELECT n FROM journal WHERE writer = ? AND txn = ?") \
	X(JOURNAL_LAST, "SELECT n FROM change_counter WHERE one = 1") \
	X(JOURNAL_FIRST, "SELECT COALESCE(MIN(n), 0) FROM journal") \
	X(JOURNAL_READ, "SELECT n, writer, jobs FROM journal WHERE n > ? ORDER BY n LIMIT 256") \
	X(JOURNAL_PRUNE, "DELETE FROM journal WHERE made < NOW() - INTERVAL 10 MINUTE ORDER BY n LIMIT 10000") \
	X(AGE_RAISE, "INSERT INTO meta (name, value) VALUES ('shared_age', ?) " \
		"ON DUPLICATE KEY UPDATE value = GREATEST(CAST(value AS SIGNED), CAST(VALUES(value) AS SIGNED))") \
	X(LOCK_TAKE, "SELECT GET_LOCK(?, ?)") \
	X(LOCK_FREE, "SELECT IS_FREE_LOCK(?)") \
	X(NODE_SEEN, "INSERT INTO node (name, writer, seen) VALUES (?, ?, NOW()) " \
		"ON DUPLICATE KEY UPDATE writer = VALUES(writer), seen = NOW()") \
	X(NODE_ALIVE, "SELECT name FROM node WHERE seen > NOW() - INTERVAL 10 SECOND LIMIT 1") \
	X(NODE_GONE, "DELETE FROM node WHERE name = ? AND writer = ?") \
	X(FILE_MAKE, "INSERT INTO job_file (name, bytes) VALUES (?, ?)") \
	X(CHUNK_PUT, "INSERT INTO file_chunk (name, n, data) VALUES (?, ?, ?)") \
	X(CHUNK_GET, "SELECT data FROM file_chunk WHERE name = ? AND n = ?") \
	X(FILE_SIZE, "SELECT bytes FROM job_file WHERE name = ?") \
	X(FILE_REMOVE, "DELETE FROM job_file WHERE name = ?") \
	/* Nobody's for a day: whoever was about to name them has died. */ \
	X(FILES_LEFT, "SELECT f.name FROM job_file f LEFT JOIN job_blob b ON b.file = f.name " \
		"WHERE f.made < NOW() - INTERVAL 1 DAY AND b.seq IS NULL LIMIT 100")
/* clang-format on */

enum statement {
#define X(name, sql) ST_##name,
	STATEMENTS(X)
#undef X
		ST_MAX_,
};
