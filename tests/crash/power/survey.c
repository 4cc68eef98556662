/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "store/store.h"

#define PAGE 64

struct look {
	const char *dir;
	struct ledger *ledger;
	struct store *store;
	char *why; /* "": nothing is wrong yet */
};

__attribute__((format(printf, 2, 3))) static void wrong(struct look *look, const char *format, ...)
{
	va_list args;

	if (look->why[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(look->why, SURVEY_WHY, format, args);
	va_end(args);
}

/* --- files --- */

static uint8_t *read_file(const char *path, size_t *ret_n)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	data = malloc((size_t)st.st_size + 1);
	if (data == NULL || read(fd, data, (size_t)st.st_size) != st.st_size)
		return NULL;
	*ret_n = (size_t)st.st_size;
	return TAKE_PTR(data);
}

static void copy(const char *from_dir, const char *to_dir, const char *name)
{
	char from[300], to[300];
	cleanup_free uint8_t *data = NULL;
	cleanup_fclose FILE *file = NULL;
	size_t n;

	(void)snprintf(from, sizeof(from), "%s/queue/%s", from_dir, name);
	(void)snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	data = read_file(from, &n);
	if (data == NULL)
		return;
	file = fopen(to, "we");
	if (file == NULL || fwrite(data, 1, n, file) != n)
		abort();
}

/* Are all bytes of it there, as they were when it was sealed? */
static uint8_t *read_spooled(struct look *look, const struct store_blob *blob)
{
	char path[300];
	uint8_t sha256[STORE_SHA256];
	cleanup_free uint8_t *data = NULL;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s/queue/spool/%s", look->dir, blob->file);
	data = read_file(path, &n);
	if (data == NULL)
		wrong(look, "a row names spool file %.8s, which is not there", blob->file);
	else if (n != blob->bytes)
		wrong(look, "spool file %.8s has %zu bytes, its row says %" PRIu64, blob->file, n,
			blob->bytes);
	else if (EVP_Digest(data, n, sha256, NULL, EVP_sha256(), NULL) != 1 ||
		 memcmp(sha256, blob->sha256, sizeof(sha256)) != 0)
		wrong(look, "spool file %.8s is not what was sealed", blob->file);
	return look->why[0] == '\0' ? TAKE_PTR(data) : NULL;
}

/* --- the database by itself --- */

static void expect(struct look *look, sqlite3 *db, const char *sql, const char *expected)
{
	sqlite3_stmt *stmt = NULL;
	const char *text = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(stmt, 0);
	if (text == NULL)
		wrong(look, "%s: %s", sql, sqlite3_errmsg(db));
	else if (strcmp(text, expected) != 0)
		wrong(look, "%s: %s", sql, text);
	(void)sqlite3_finalize(stmt);
}

static void check_database(struct look *look, const char *path)
{
	sqlite3 *db = NULL;

	if (access(path, F_OK) < 0)
		return; /* not made yet: the ledger knows whether it may be missing */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK)
		wrong(look, "open: %s", sqlite3_errmsg(db));
	else
		expect(look, db, "PRAGMA integrity_check", "ok");
	(void)sqlite3_close(db);
}

static void check_endings(struct look *look, const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK) {
		wrong(look, "open: %s", sqlite3_errmsg(db));
	} else {
		expect(look, db,
			"SELECT count(*) FROM job WHERE (state = 2) <> (SELECT count(*) FROM "
			"event WHERE event.seq = job.seq AND kind = 4)",
			"0");
		expect(look, db, "SELECT count(*) FROM pragma_foreign_key_check", "0");
	}
	(void)sqlite3_close(db);
}

/* --- jobs --- */

static void check_bytes(struct look *look, struct store_blob *blob, uint64_t tag, size_t n)
{
	cleanup_free uint8_t *spooled = NULL;
	const uint8_t *data = blob->data;

	if (blob->file[0] != '\0') {
		spooled = read_spooled(look, blob);
		data = spooled;
	}
	if (look->why[0] == '\0' && (blob->bytes != n || data == NULL || !content_is(data, n, tag)))
		wrong(look, "bytes of a job are not what they were");
}

/* One whose acknowledgement was on its way. */
static struct ledger_job *by_input(
	struct look *look, const struct store_row *row, const struct store_blob *input)
{
	cleanup_free uint8_t *spooled = NULL;
	const uint8_t *data = input->data;
	struct ledger_job *job;

	if (input->file[0] != '\0')
		spooled = read_spooled(look, input);
	if (input->file[0] != '\0')
		data = spooled;
	if (data == NULL || input->bytes < CONTENT_MIN)
		return NULL;
	job = ledger_find_tag(look->ledger, content_tag(data));
	if (job == NULL || job->has_id)
		return NULL;
	job->id = row->id;
	job->has_id = true;
	return job;
}

static void check_done(struct look *look, const struct store_job *row, struct ledger_job *job,
	struct store_blob *out)
{
	struct outcome outcome = outcome_of(&row->id, row->attempt);

	if (job->said == FATE_DONE && job->ended_attempt != 0 && job->ended_attempt != row->attempt)
		wrong(look, "attempt %u was acknowledged, attempt %u is stored", job->ended_attempt,
			row->attempt);
	if (row->verdict != outcome.verdict)
		wrong(look, "verdict %d is stored, %d was said", (int)row->verdict,
			(int)outcome.verdict);
	check_bytes(look, out, outcome.tag, outcome.out_bytes);
	job->ended_attempt = row->attempt;
}

static void check_job(struct look *look, const struct store_row *row, struct store_blob *blobs)
{
	struct ledger_job *job = ledger_find(look->ledger, &row->id);
	enum fate fate = row->state == JOB_DONE ? FATE_DONE : FATE_QUEUED;
	struct store_job whole;
	struct err err;

	if (job == NULL)
		job = by_input(look, row, &blobs[JOB_BLOB_INPUT]);
	if (job == NULL)
		return wrong(look, "a job that nobody handed in, or one more of it");
	if (fate < job->said || fate > job->begun)
		return wrong(look, "a job is %d, acknowledged was %d, begun %d", fate, job->said,
			job->begun);
	check_bytes(look, &blobs[JOB_BLOB_INPUT], job->tag, job->input_bytes);
	if (store_job_get_seq(look->store, row->seq, &whole, &err) < 0)
		wrong(look, "%s", err.msg);
	else if (fate == FATE_DONE)
		check_done(look, &whole, job, &blobs[JOB_BLOB_OUT]);
	job->said = fate;
	job->begun = fate;
	job->found = true;
}

static void read_job(struct look *look, const struct store_row *row)
{
	struct store_blob blobs[JOB_BLOB_MAX_];
	struct err err;

	if (store_blobs_get(look->store, row->seq, (1U << JOB_BLOB_MAX_) - 1, blobs, &err) < 0)
		return wrong(look, "%s", err.msg);
	check_job(look, row, blobs);
	for (size_t i = 0; i < JOB_BLOB_MAX_; i++)
		store_blob_done(&blobs[i]);
}

static void read_jobs(struct look *look)
{
	struct store_row rows[PAGE];
	struct err err;
	uint64_t cursor = 0;
	size_t n;

	do {
		if (store_list(look->store, true, 0, NULL, NULL, cursor, PAGE, rows, &n, &err) < 0)
			return wrong(look, "%s", err.msg);
		for (size_t i = 0; i < n; i++)
			read_job(look, &rows[i]);
		cursor = n > 0 ? rows[n - 1].seq : 0;
	} while (n == PAGE);
}

static void check_missing(struct look *look)
{
	for (size_t i = 0; i < look->ledger->n; i++) {
		struct ledger_job *job = &look->ledger->job[i];

		if (!job->found && job->said != FATE_NONE && job->begun != FATE_GONE)
			wrong(look, "a job that was acknowledged as %s is lost",
				job->said == FATE_DONE ? "done" : "queued");
		/* One that was never stored will not be. */
		if (!job->found)
			job->said = job->begun = FATE_GONE;
		job->found = false;
	}
}

void survey(const char *dir, const char *look_dir, struct ledger *ledger,
	char ret_why[static SURVEY_WHY])
{
	static const char *const names[] = { "dockgate.db", "dockgate.db-wal",
		"dockgate.db-journal" };
	struct look look = { .dir = dir, .ledger = ledger, .why = ret_why };
	char path[300];
	struct err err;

	ret_why[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/%s", look_dir, names[0]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		copy(dir, look_dir, names[i]);
	check_database(&look, path);
	if (look.why[0] != '\0')
		return;
	if (store_open("sqlite", path, &look.store, &err) < 0)
		return wrong(&look, "%s", err.msg);
	read_jobs(&look);
	check_missing(&look);
	store_close(look.store);
	check_endings(&look, path);
}
