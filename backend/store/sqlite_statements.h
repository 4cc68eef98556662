/* SPDX-License-Identifier: MIT */
/* The statements of the store in SQLite that are kept prepared. */
#pragma once

#include "store_ops.h"

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
