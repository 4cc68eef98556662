/* SPDX-License-Identifier: MIT */
/*
 * The schema of a store in SQLite: what brings it from one version to the next, each in one
 * transaction. What has been released is not changed any more; a new version adds a list.
 * Every question that is asked while serving is answered from an index:
 *
 *	one job by its id                 job_id
 *	open jobs, lists by state         job_state
 *	lists of a task                   job_task
 *	what expires next                 job_expires
 *	what a client keeps, oldest first job_kept
 *	does a row name this spool file   blob_file
 *	what is to be announced next      callback_due
 */
#pragma once

/* clang-format off */
#define SQLITE_TO_1 \
	"CREATE TABLE meta (" \
	"  key TEXT PRIMARY KEY," \
	"  value TEXT NOT NULL" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE TABLE job (" \
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again: lists page by it */ \
	"  id BLOB NOT NULL CHECK (length(id) = 32)," \
	"  client TEXT NOT NULL," \
	"  task TEXT NOT NULL," \
	"  classic INTEGER NOT NULL CHECK (classic IN (0, 1))," \
	"  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2)," \
	"  verdict INTEGER CHECK (verdict >= 0)," \
	"  attempt INTEGER NOT NULL CHECK (attempt >= 0)," \
	"  failures INTEGER NOT NULL CHECK (failures >= 0)," \
	"  priority INTEGER NOT NULL CHECK (priority >= 0)," \
	"  cpus INTEGER NOT NULL CHECK (cpus > 0)," \
	"  memory_bytes INTEGER NOT NULL CHECK (memory_bytes > 0)," \
	"  queued_unix_ms INTEGER NOT NULL," \
	"  started_unix_ms INTEGER NOT NULL," \
	"  finished_unix_ms INTEGER NOT NULL," \
	"  retention_s INTEGER NOT NULL CHECK (retention_s > 0)," \
	"  expires_age_ms INTEGER NOT NULL," \
	"  node TEXT NOT NULL," \
	"  driver INTEGER NOT NULL," \
	"  lease_until_age_ms INTEGER NOT NULL," \
	"  image TEXT NOT NULL," \
	"  isolation INTEGER NOT NULL CHECK (isolation >= 0)," \
	"  error TEXT NOT NULL," \
	"  CHECK ((state = 2) = (verdict IS NOT NULL))," \
	"  CHECK ((state = 1) = (driver <> 0))" \
	") STRICT;" \
	"CREATE UNIQUE INDEX job_id ON job (id);" \
	"CREATE INDEX job_state ON job (state, seq);" \
	"CREATE INDEX job_task ON job (task, state, seq);" \
	"CREATE INDEX job_expires ON job (expires_age_ms) WHERE state = 2;" \
	"CREATE TABLE blob (" \
	"  seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE," \
	"  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 5)," \
	"  bytes INTEGER NOT NULL CHECK (bytes > 0)," \
	"  data BLOB CHECK (data IS NULL OR (length(data) = bytes AND bytes <= 65536))," \
	"  file TEXT," \
	"  sha256 BLOB CHECK (length(sha256) = 32)," \
	"  PRIMARY KEY (seq, kind)," \
	"  CHECK ((data IS NULL) = (file IS NOT NULL))," \
	"  CHECK ((file IS NULL) = (sha256 IS NULL))" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE UNIQUE INDEX blob_file ON blob (file) WHERE file IS NOT NULL;" \
	"CREATE TABLE event (" \
	"  seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE," \
	"  attempt INTEGER NOT NULL," \
	"  n INTEGER NOT NULL," /* from 1 in each attempt */ \
	"  at_unix_ms INTEGER NOT NULL," \
	"  kind INTEGER NOT NULL CHECK (kind >= 0)," \
	"  data TEXT NOT NULL," \
	"  PRIMARY KEY (seq, attempt, n)" \
	") STRICT, WITHOUT ROWID;"

#define SQLITE_TO_2 \
	"CREATE TABLE job_key (" /* keys that make a submit safe to repeat */ \
	"  client TEXT NOT NULL," \
	"  name TEXT NOT NULL," \
	"  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32)," \
	"  seq INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE," \
	"  PRIMARY KEY (client, name)" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE UNIQUE INDEX job_key_seq ON job_key (seq);" \
	"ALTER TABLE job ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0);" /* of its blobs */ \
	"ALTER TABLE job ADD COLUMN trace TEXT NOT NULL DEFAULT '';" \
	"UPDATE job SET bytes = coalesce((SELECT sum(b.bytes) FROM blob b WHERE b.seq = job.seq), 0);" \
	"CREATE INDEX job_kept ON job (client, expires_age_ms - 1000 * retention_s, bytes) WHERE state = 2;" \
	/* Where no clients are known, these cost nothing. */ \
	"CREATE INDEX job_client ON job (client, state, seq) WHERE client <> '';" \
	"CREATE INDEX job_client_task ON job (client, task, state, seq) WHERE client <> '';" \
	"CREATE TABLE client (" \
	"  name TEXT PRIMARY KEY CHECK (name <> '')," \
	"  token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32)," \
	"  weight INTEGER NOT NULL CHECK (weight > 0)," \
	"  max_running INTEGER NOT NULL CHECK (max_running >= 0)," \
	"  max_queued INTEGER NOT NULL CHECK (max_queued >= 0)," \
	"  rate INTEGER NOT NULL CHECK (rate >= 0)," \
	"  burst INTEGER NOT NULL CHECK (burst >= 0)," \
	"  max_bytes INTEGER NOT NULL CHECK (max_bytes >= 0)," \
	"  tasks TEXT NOT NULL," \
	"  is_operator INTEGER NOT NULL CHECK (is_operator IN (0, 1))," \
	"  made_unix_ms INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE TABLE audit (" \
	"  n INTEGER PRIMARY KEY AUTOINCREMENT," \
	"  at_unix_ms INTEGER NOT NULL," \
	"  who TEXT NOT NULL," \
	"  what TEXT NOT NULL," \
	"  object TEXT NOT NULL," \
	"  detail TEXT NOT NULL" \
	") STRICT;" \
	"CREATE TABLE pause (task TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;" /* '' is the whole queue */ \
	/* What came of announcing the ending, a callback_state; and how that goes on. */ \
	"ALTER TABLE job ADD COLUMN callback INTEGER NOT NULL DEFAULT 0 CHECK (callback BETWEEN 0 AND 3);" \
	"CREATE TABLE callback (" \
	"  seq INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE," \
	"  url TEXT NOT NULL," \
	"  attempts INTEGER NOT NULL CHECK (attempts >= 0)," \
	"  ended_age_ms INTEGER NOT NULL," /* 0: not yet */ \
	"  due_age_ms INTEGER," /* NULL: nothing is to be done */ \
	"  error TEXT NOT NULL" \
	") STRICT;" \
	"CREATE INDEX callback_due ON callback (due_age_ms) WHERE due_age_ms IS NOT NULL;"
/* clang-format on */
