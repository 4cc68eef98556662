/* SPDX-License-Identifier: MIT */
#include "migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "age.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/role.h"
#include "common/strv.h"
#include "queue.h"
#include "roster.h"
#include "spool.h"
#include "store/mariadb_dsn.h"
#include "store/store.h"

#define MARK       "migration"
#define UNFINISHED "unfinished"
#define MOVED      "moved"
#define PAGE       50
#define COPY_BYTES (256 * 1024)
#define QUEUE_LOCK STATE_QUEUE "/lock"
#define ALL_BLOBS  ((1U << JOB_BLOB_MAX_) - 1)

struct migrate {
	const struct config *config;
	bool to_database;
	struct store *from, *to; /* owned */
	struct spool *spool;     /* owned; SQLite's, and of a database that nobody shares */
	struct migrate_counts counts;
};

int migrate_lock(struct err *err)
{
	/* Held by the descriptor, which stays open. */
	int fd = open(QUEUE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", QUEUE_LOCK);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK
			    ? err_say(err, EBUSY, "a queue runs in this state directory")
			    : err_set(err, errno, "lock '%s'", QUEUE_LOCK);
		(void)close(fd);
	}
	return r;
}

int migrate_check(struct store *store, struct err *err)
{
	char mark[STORE_META_MAX + 1];
	int r = store_meta_get(store, MARK, mark, err);

	if (r < 0 || mark[0] == '\0')
		return r;
	if (strcmp(mark, MOVED) == 0)
		return err_say(err, EPROTO,
			"the jobs of this store were moved to another: name that one "
			"(database_file), or bring them back by `dockgate store migrate`");
	return err_say(err, EPROTO,
		"a migration to this store was not finished: run `dockgate store migrate` again");
}

static int commit(struct store *store, int r, struct err *err)
{
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

static int set_mark(struct store *store, const char *mark, bool clear, struct err *err)
{
	int r = store_begin(store, err);

	if (r == 0)
		r = store_meta_set(store, MARK, mark, err);
	if (r == 0 && clear)
		r = store_clear(store, err);
	return commit(store, r, err);
}

/* --- files --- */

static void digest_free_p(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

/* Its content must be what the row says. */
static int check_hash(const struct store_blob *stored, const struct blob *blob, struct err *err)
{
	__attribute__((__cleanup__(digest_free_p))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	cleanup_free uint8_t *buf = malloc(COPY_BYTES);
	uint8_t hash[STORE_SHA256];

	if (ctx == NULL || buf == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return err_set(err, ENOMEM, "hash a file");
	for (uint64_t at = 0; at < blob->len; at += COPY_BYTES) {
		size_t n = blob->len - at < COPY_BYTES ? (size_t)(blob->len - at) : COPY_BYTES;
		int r = blob_read(blob, at, buf, n, err);

		if (r < 0)
			return r;
		if (EVP_DigestUpdate(ctx, buf, n) != 1)
			return err_set(err, EIO, "hash a file");
	}
	if (EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		return err_set(err, EIO, "hash a file");
	if (memcmp(hash, stored->sha256, sizeof(hash)) != 0)
		return err_say(err, EUCLEAN, "file %s is not what its row says", stored->file);
	return 0;
}

/* Where a row of `store` finds it. */
static int open_file(struct migrate *m, struct store *store, const struct store_blob *stored,
	struct blob *ret, struct err *err)
{
	int r;

	spool_use_store(m->spool, (store == m->to) == m->to_database ? store : NULL, false);
	r = spool_read(m->spool, stored, ret, err);
	if (r == -EINPROGRESS)
		r = spool_fetch(m->spool, stored, ret, err);
	return r;
}

static int check_file(
	struct migrate *m, struct store *store, const struct store_blob *stored, struct err *err)
{
	struct blob blob = BLOB_EMPTY;
	int r = open_file(m, store, stored, &blob, err);

	if (r == 0)
		r = check_hash(stored, &blob, err);
	blob_done(&blob);
	return r;
}

/* In the spool both stores may find it; in a database that is shared it has to be put. */
static int move_file(struct migrate *m, const struct store_blob *stored, struct err *err)
{
	struct blob blob = BLOB_EMPTY;
	int r = open_file(m, m->from, stored, &blob, err);

	if (r == 0)
		r = check_hash(stored, &blob, err);
	if (r == 0 && m->to_database && m->config->store_shared)
		r = store_file_put(m->to, stored->file, blob.fd, blob.len, err);
	else if (r == 0 && !spool_has(m->spool, stored->file))
		r = spool_adopt(m->spool, blob.fd, stored->file, err);
	blob_done(&blob);
	m->counts.files++;
	return r;
}

/* --- jobs --- */

struct job_copy {
	struct store_job row;
	struct store_blob blobs[JOB_BLOB_MAX_]; /* owned */
};

static void copy_done(struct job_copy *copy)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&copy->blobs[kind]);
}

static int read_job(struct store *store, uint64_t seq, struct job_copy *ret, struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = store_job_get_seq(store, seq, &ret->row, err);
	return r < 0 ? r : store_blobs_get(store, seq, ALL_BLOBS, ret->blobs, err);
}

struct event_target {
	struct store *to;
	uint64_t seq;
};

static int copy_event(uint32_t attempt, enum store_event kind, int64_t at_unix_ms, const char *data,
	void *arg, struct err *err)
{
	const struct event_target *target = arg;

	return store_event_import(target->to, target->seq, attempt, kind, at_unix_ms, data, err);
}

static int copy_key(struct migrate *m, uint64_t seq, struct err *err)
{
	struct store_key key;
	int r = store_key_of(m->from, seq, &key, err);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : store_key_put(m->to, &key, err);
}

static int copy_callback(struct migrate *m, const struct store_job *row, struct err *err)
{
	struct store_callback callback;
	int r;

	if (row->callback == CALLBACK_NONE)
		return 0;
	r = store_callback_get(m->from, row->seq, &callback, err);
	return r < 0 ? r : store_callback_put(m->to, &callback, err);
}

static int copy_job(struct migrate *m, uint64_t seq, struct err *err)
{
	struct event_target target = { m->to, seq };
	struct job_copy copy;
	int r = read_job(m->from, seq, &copy, err);

	for (int kind = 0; r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		m->counts.bytes += copy.blobs[kind].bytes;
		if (copy.blobs[kind].file[0] != '\0')
			r = move_file(m, &copy.blobs[kind], err);
	}
	if (r == 0)
		r = store_job_import(m->to, &copy.row, copy.blobs, err);
	if (r == 0)
		r = store_each_event(m->from, seq, copy_event, &target, err);
	if (r == 0)
		r = copy_key(m, seq, err);
	if (r == 0)
		r = copy_callback(m, &copy.row, err);
	copy_done(&copy);
	m->counts.jobs++;
	return r < 0 ? err_wrap(err, "job %" PRIu64, seq) : 0;
}

static bool same_row(const struct store_job *a, const struct store_job *b)
{
	return a->seq == b->seq && job_id_equal(&a->id, &b->id) &&
	       strcmp(a->client, b->client) == 0 && strcmp(a->task, b->task) == 0 &&
	       a->classic == b->classic && a->state == b->state && a->verdict == b->verdict &&
	       a->attempt == b->attempt && a->failures == b->failures &&
	       a->priority == b->priority && a->cpus == b->cpus &&
	       a->memory_bytes == b->memory_bytes && a->queued_unix_ms == b->queued_unix_ms &&
	       a->started_unix_ms == b->started_unix_ms &&
	       a->finished_unix_ms == b->finished_unix_ms && a->retention_s == b->retention_s &&
	       a->expires_age_ms == b->expires_age_ms && strcmp(a->node, b->node) == 0 &&
	       a->driver == b->driver && a->lease_until_age_ms == b->lease_until_age_ms &&
	       strcmp(a->image, b->image) == 0 && a->isolation == b->isolation &&
	       strcmp(a->error, b->error) == 0 && a->bytes == b->bytes &&
	       strcmp(a->trace, b->trace) == 0 && a->callback == b->callback;
}

static bool same_blob(const struct store_blob *a, const struct store_blob *b)
{
	if (a->bytes != b->bytes || strcmp(a->file, b->file) != 0)
		return false;
	if (a->file[0] != '\0')
		return memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
	return a->bytes == 0 || memcmp(a->data, b->data, (size_t)a->bytes) == 0;
}

static int count_event(uint32_t attempt, enum store_event kind, int64_t at_unix_ms,
	const char *data, void *arg, struct err *err)
{
	uint64_t *sum = arg;

	(void)err;
	*sum = *sum * 31 + attempt + (uint64_t)kind + (uint64_t)at_unix_ms + strlen(data);
	return 0;
}

/* -EUCLEAN: they are not. */
static int compare_key(struct migrate *m, uint64_t seq, struct err *err)
{
	struct store_key here = { 0 }, there = { 0 };
	int r = store_key_of(m->from, seq, &here, err);

	if (r == 0 || r == -ENOENT)
		r = store_key_of(m->to, seq, &there, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (strcmp(here.client, there.client) != 0 || strcmp(here.name, there.name) != 0 ||
		memcmp(here.fingerprint, there.fingerprint, sizeof(here.fingerprint)) != 0)
		return err_say(err, EUCLEAN, "its key is not the same on both sides");
	return 0;
}

static int compare_callback(struct migrate *m, const struct store_job *row, struct err *err)
{
	struct store_callback here = { 0 }, there = { 0 };
	int r;

	if (row->callback == CALLBACK_NONE)
		return 0;
	r = store_callback_get(m->from, row->seq, &here, err);
	if (r == 0)
		r = store_callback_get(m->to, row->seq, &there, err);
	if (r == 0 && (strcmp(here.url, there.url) != 0 || here.attempts != there.attempts ||
			      here.ended_age_ms != there.ended_age_ms ||
			      here.due_age_ms != there.due_age_ms ||
			      strcmp(here.error, there.error) != 0))
		r = err_say(err, EUCLEAN, "its callback is not the same on both sides");
	return r;
}

/* Reads both sides again, the files' content included. */
static int compare_job(struct migrate *m, uint64_t seq, struct err *err)
{
	struct job_copy there = { 0 }, here;
	uint64_t sum[2] = { 0 };
	int r = read_job(m->from, seq, &here, err);

	if (r == 0)
		r = read_job(m->to, seq, &there, err);
	if (r == 0)
		r = store_each_event(m->from, seq, count_event, &sum[0], err);
	if (r == 0)
		r = store_each_event(m->to, seq, count_event, &sum[1], err);
	if (r == 0 && (!same_row(&here.row, &there.row) || sum[0] != sum[1]))
		r = err_say(err, EUCLEAN, "its row is not the same on both sides");
	if (r == 0)
		r = compare_key(m, seq, err);
	if (r == 0)
		r = compare_callback(m, &here.row, err);
	for (int kind = 0; r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		if (!same_blob(&here.blobs[kind], &there.blobs[kind]))
			r = err_say(err, EUCLEAN, "its bytes are not the same on both sides");
		else if (there.blobs[kind].file[0] != '\0')
			r = check_file(m, m->to, &there.blobs[kind], err);
	}
	copy_done(&here);
	copy_done(&there);
	return r < 0 ? err_wrap(err, "job %" PRIu64, seq) : 0;
}

typedef int job_fn(struct migrate *m, uint64_t seq, struct err *err);

/* A page at a time; `write`: each is one transaction of the target. */
static int each_job(struct migrate *m, struct store *of, bool write, job_fn *fn, uint64_t *ret_n,
	struct err *err)
{
	struct store_row rows[PAGE];
	uint64_t cursor = 0, total = 0;
	size_t n = PAGE;
	int r = 0;

	while (r == 0 && n == PAGE) {
		r = store_list(of, true, 0, NULL, NULL, cursor, PAGE, rows, &n, err);
		if (r == 0 && write)
			r = store_begin(m->to, err);
		for (size_t i = 0; r == 0 && fn != NULL && i < n; i++)
			r = fn(m, rows[i].seq, err);
		if (write && store_in_transaction(m->to))
			r = commit(m->to, r, err);
		if (r == 0 && n > 0)
			cursor = rows[n - 1].seq;
		total += r == 0 ? n : 0;
	}
	if (r == 0)
		*ret_n = total;
	return r;
}

/* --- the clock --- */

static int read_age(struct store *store, bool shared, struct age *ret, struct err *err)
{
	char text[STORE_META_MAX + 1];
	int64_t age_ms = 0;
	int r = store_meta_get(store, shared ? AGE_SHARED : AGE_ALONE, text, err);

	if (r < 0 || !shared)
		return r < 0 ? r : age_start(text, ret, err);
	if (text[0] != '\0' && !number_parse(text, 0, INT64_MAX, &age_ms))
		return err_say(err, EINVAL, "the store's age is no number");
	r = age_start("", ret, err); /* this boot's */
	ret->base_ms = age_ms - age_boottime_ms();
	return r;
}

/* Retention goes on from where it was. */
static int move_age(struct migrate *m, struct err *err)
{
	bool shared = m->config->store_shared;
	char text[AGE_TEXT];
	struct age age;
	int r = read_age(m->from, shared && !m->to_database, &age, err);

	if (r < 0)
		return r;
	if (shared && m->to_database)
		(void)snprintf(text, sizeof(text), "%" PRId64, age_now(&age));
	else
		age_keep(&age, age_boottime_ms(), text);
	r = store_begin(m->to, err);
	if (r == 0)
		r = store_meta_set(
			m->to, shared && m->to_database ? AGE_SHARED : AGE_ALONE, text, err);
	return commit(m->to, r, err);
}

/* --- clients --- */

static int note_name(const struct store_client *row, void *arg, struct err *err)
{
	(void)err;
	memcpy(arg, row->client.name, sizeof(row->client.name));
	return 0;
}

/* Those that an earlier move left behind: some may have been revoked since. */
static int drop_clients(struct store *store, struct err *err)
{
	char name[CLIENT_NAME_MAX + 1];
	int r;

	do {
		name[0] = '\0';
		r = store_each_client(store, note_name, name, err);
		if (r == 0 && name[0] != '\0')
			r = store_client_delete(store, name, err);
	} while (r == 0 && name[0] != '\0');
	return r;
}

static int copy_client(const struct store_client *row, void *arg, struct err *err)
{
	return store_client_add(arg, row, err);
}

/* Who was let in before is let in afterwards, and nobody else. */
static int move_clients(struct migrate *m, struct err *err)
{
	char used[STORE_META_MAX + 1];
	int r = store_meta_get(m->from, ROSTER_META, used, err);

	if (r == 0)
		r = store_begin(m->to, err);
	if (r == 0)
		r = drop_clients(m->to, err);
	if (r == 0)
		r = store_each_client(m->from, copy_client, m->to, err);
	if (r == 0)
		r = store_meta_set(m->to, ROSTER_META, used, err);
	return commit(m->to, r, err);
}

/* --- what is paused --- */

struct pauses {
	struct strv tasks; /* "": the whole queue */
	struct err *err;
	int r;
};

static void note_pause(const char *task, void *arg)
{
	struct pauses *pauses = arg;

	if (pauses->r == 0)
		pauses->r = strv_add(&pauses->tasks, task, pauses->err);
}

/* Sets what is paused in `from`, or takes it away, in `to`. */
static int set_pauses(struct store *from, struct store *to, bool paused, struct err *err)
{
	struct pauses pauses = { .err = err };
	int r = store_each_pause(from, note_pause, &pauses, err);

	if (r == 0)
		r = pauses.r;
	for (size_t i = 0; r == 0 && i < pauses.tasks.n; i++)
		r = store_pause_set(to, pauses.tasks.v[i], paused, err);
	strv_done(&pauses.tasks);
	return r;
}

/* What an earlier move brought is not paused any more. */
static int move_pauses(struct migrate *m, struct err *err)
{
	int r = store_begin(m->to, err);

	if (r < 0)
		return r;
	r = set_pauses(m->to, m->to, false, err);
	if (r == 0)
		r = set_pauses(m->from, m->to, true, err);
	return commit(m->to, r, err);
}

/* --- all --- */

/* Empty, or of no use to anybody: a migration's that was cut off, or what it left behind. */
static int prepare_target(struct migrate *m, struct err *err)
{
	char mark[STORE_META_MAX + 1];
	struct store_row row;
	size_t n = 0;
	int r = store_meta_get(m->to, MARK, mark, err);

	if (r == 0 && mark[0] == '\0')
		r = store_list(m->to, true, 0, NULL, NULL, 0, 1, &row, &n, err);
	if (r == 0 && n > 0)
		r = err_say(err, EEXIST, "the store to move to has jobs of its own");
	return r < 0 ? r : set_mark(m->to, UNFINISHED, true, err);
}

static int prepare_source(struct migrate *m, struct err *err)
{
	char here[STORE_META_MAX + 1], there[STORE_META_MAX + 1];
	int r = store_meta_get(m->from, MARK, here, err);

	if (r == 0)
		r = store_meta_get(m->to, MARK, there, err);
	if (r < 0)
		return r;
	if (strcmp(here, UNFINISHED) == 0)
		return err_say(err, EPROTO,
			"the store to move from is not whole: a migration to it was not finished");
	/* Marked as moved, and the other one unfinished: cut off before the end. */
	if (strcmp(here, MOVED) == 0 && strcmp(there, UNFINISHED) != 0)
		return err_say(err, EPROTO, "the jobs were moved already: nothing is to be done");
	return 0;
}

static int move_all(struct migrate *m, struct err *err)
{
	uint64_t here = 0, there = 0;
	int r = prepare_source(m, err);

	if (r == 0)
		r = prepare_target(m, err);
	if (r == 0)
		r = each_job(m, m->from, true, copy_job, &here, err);
	if (r == 0)
		r = move_age(m, err);
	if (r == 0)
		r = move_clients(m, err);
	if (r == 0)
		r = move_pauses(m, err);
	if (r == 0)
		r = each_job(m, m->from, false, compare_job, &here, err);
	if (r == 0)
		r = each_job(m, m->to, false, NULL, &there, err);
	if (r == 0 && here != there)
		r = err_say(err, EUCLEAN, "%" PRIu64 " jobs were there, %" PRIu64 " have arrived",
			here, there);
	if (r == 0)
		r = set_mark(m->from, MOVED, false, err);
	if (r == 0)
		r = set_mark(m->to, "", false, err);
	return r < 0 ? r : set_mark(m->from, MOVED, true, err);
}

static int open_all(struct migrate *m, const char *database, struct err *err)
{
	struct store **sqlite = m->to_database ? &m->from : &m->to;
	struct store **mariadb = m->to_database ? &m->to : &m->from;
	int r = migrate_lock(err);

	if (r == 0 && m->to_database && access(QUEUE_DB, F_OK) < 0)
		r = err_say(err, ENOENT, "there is no SQLite store: nothing is to be moved");
	if (r == 0)
		r = store_open("sqlite", QUEUE_DB, sqlite, err);
	if (r == 0) /* alone, shared or not: nobody else may use it meanwhile */
		r = store_open("mariadb", database, mariadb, err);
	if (r == 0)
		r = spool_open(QUEUE_SPOOL, &m->spool, err);
	return r;
}

int migrate_run(
	const struct config *config, bool to_database, struct migrate_counts *ret, struct err *err)
{
	struct migrate m = { .config = config, .to_database = to_database };
	char *database = NULL;
	int r;

	if (config->database_file == NULL)
		return err_say(err, EINVAL, "the configuration has no database_file");
	r = mariadb_dsn_read(config->database_file, config->queue_uid, &database, err);
	if (r < 0)
		return err_wrap(err, "database_file");
	r = role_confine(ROLE_QUEUE, config, (gid_t)-1, err);
	if (r == 0)
		r = open_all(&m, database, err);
	if (r == 0)
		r = move_all(&m, err);
	if (r == 0)
		*ret = m.counts;
	mariadb_dsn_wipe(database);
	spool_close(m.spool);
	store_close(m.from);
	store_close(m.to);
	return r;
}
