/* SPDX-License-Identifier: MIT */
/*
 * The contract of a store: the same suite for each backend, named by an argument ("sqlite",
 * "mariadb"). The second needs a server of its own: tests/mariadb runs this program with one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "store/sqlite_schema.h"
#include "store/store.h"
#include "store_world.h"

static const char *backend = "sqlite";

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/dockgate-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_return_code(chdir(w->dir), errno);
	assert_return_code(mkdir("s", 0700), errno);
	w->where = FILE_NAME;
	if (strcmp(backend, "mariadb") == 0)
		w->where = mariadb_database();
	w->store = open_store(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	(void)unlink(FILE_NAME);
	(void)unlink(FILE_NAME "-wal");
	(void)unlink(FILE_NAME "-shm");
	(void)rmdir("s");
	assert_return_code(chdir("/"), errno);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

struct store *open_store(const struct world *w)
{
	struct store *store;
	struct err err;

	if (store_open(backend, w->where, &store, &err) < 0)
		fail_msg("%s", err.msg);
	return store;
}

static void reopen(struct world *w)
{
	store_close(w->store);
	w->store = open_store(w);
}

void begin(struct world *w)
{
	struct err err;

	if (store_begin(w->store, &err) < 0)
		fail_msg("%s", err.msg);
}

void commit(struct world *w)
{
	struct err err;

	if (store_commit(w->store, &err) < 0)
		fail_msg("%s", err.msg);
}

struct store_job row_of(const char *task)
{
	struct store_job job = { .cpus = 1000,
		.memory_bytes = 1 << 20,
		.priority = 3,
		.queued_unix_ms = 1234,
		.retention_s = 60 };
	struct err err;

	assert_int_equal(job_id_new(&job.id, &err), 0);
	(void)snprintf(job.task, sizeof(job.task), "%s", task);
	return job;
}

static struct store_job insert_with(
	struct world *w, const char *task, const struct store_blob *blobs)
{
	struct store_job job = row_of(task);
	struct err err;

	if (store_job_insert(w->store, &job, blobs, &err) < 0)
		fail_msg("%s", err.msg);
	return job;
}

struct store_job insert(struct world *w, const char *task)
{
	return insert_with(w, task, NULL);
}

struct store_job read_job(struct world *w, const struct job_id *id)
{
	struct store_job job;
	struct err err;

	if (store_job_get(w->store, id, &job, &err) < 0)
		fail_msg("%s", err.msg);
	return job;
}

int end_job(struct world *w, const struct store_job *job, uint32_t attempt, enum job_state from,
	int64_t expires_age_ms)
{
	const struct store_ending ending = { .from = from,
		.verdict = VERDICT_OK,
		.image = "sha256:1",
		.finished_unix_ms = 99,
		.expires_age_ms = expires_age_ms };
	struct err err;

	return store_job_end(w->store, job->seq, attempt, &ending, NULL, &err);
}

static void a_job_comes_back_as_it_went(void **state)
{
	struct world *w = *state;
	struct store_job job, got;
	struct err err;

	begin(w);
	job = insert(w, "py");
	commit(w);
	reopen(w);
	got = read_job(w, &job.id);
	assert_int_equal(got.seq, job.seq);
	assert_string_equal(got.task, "py");
	assert_int_equal(got.state, JOB_QUEUED);
	assert_int_equal(got.verdict, VERDICT_MAX_);
	assert_int_equal(got.priority, 3);
	assert_int_equal(got.cpus, 1000);
	assert_int_equal(got.memory_bytes, 1 << 20);
	assert_int_equal(got.queued_unix_ms, 1234);
	assert_int_equal(got.retention_s, 60);
	job.id.b[0] ^= 1;
	assert_int_equal(store_job_get(w->store, &job.id, &got, &err), -ENOENT);
	assert_int_equal(store_job_get_seq(w->store, job.seq, &got, &err), 0);
	assert_string_equal(got.task, "py");
	assert_int_equal(store_job_get_seq(w->store, job.seq + 1, &got, &err), -ENOENT);
}

static void an_id_is_taken_once(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;

	begin(w);
	job = insert(w, "py");
	assert_int_equal(store_job_insert(w->store, &job, NULL, &err), -EEXIST);
	store_rollback(w->store);
	assert_int_equal(store_job_get(w->store, &job.id, &job, &err), -ENOENT);
}

static void moves_are_fenced(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;

	begin(w);
	job = insert(w, "py");
	assert_int_equal(end_job(w, &job, 0, JOB_RUNNING, 0), -ESTALE);
	assert_int_equal(store_job_claim(w->store, job.seq, 1, "n", 7, 5, &err), -ESTALE);
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "n", 7, 5, &err), 0);
	assert_int_equal(store_job_claim(w->store, job.seq, 1, "n", 7, 5, &err), -ESTALE);
	assert_int_equal(end_job(w, &job, 0, JOB_RUNNING, 0), -ESTALE);
	assert_int_equal(end_job(w, &job, 1, JOB_QUEUED, 0), -ESTALE);
	assert_int_equal(store_job_requeue(w->store, job.seq, 1, 1, "lost", &err), 0);
	assert_int_equal(end_job(w, &job, 1, JOB_RUNNING, 0), -ESTALE);
	assert_int_equal(store_job_claim(w->store, job.seq, 1, "n", 8, 5, &err), 0);
	assert_int_equal(end_job(w, &job, 1, JOB_RUNNING, 0), -ESTALE);
	assert_int_equal(end_job(w, &job, 2, JOB_RUNNING, 0), 0);
	assert_int_equal(end_job(w, &job, 2, JOB_RUNNING, 0), -ESTALE);
	assert_int_equal(store_job_requeue(w->store, job.seq, 2, 1, "", &err), -ESTALE);
	assert_int_equal(store_job_claim(w->store, job.seq, 2, "n", 8, 5, &err), -ESTALE);
	commit(w);
	job = read_job(w, &job.id);
	assert_int_equal(job.state, JOB_DONE);
	assert_int_equal(job.attempt, 2);
	assert_string_equal(job.image, "sha256:1");
	assert_int_equal(job.finished_unix_ms, 99);
	assert_int_equal(job.driver, 0);
}

static void a_driver_holds_and_renews(void **state)
{
	struct world *w = *state;
	struct store_job mine, other;
	struct err err;

	begin(w);
	mine = insert(w, "py");
	other = insert(w, "py");
	assert_int_equal(store_job_claim(w->store, mine.seq, 0, "n", UINT64_MAX, 5, &err), 0);
	assert_int_equal(store_job_claim(w->store, other.seq, 0, "n", 8, 5, &err), 0);
	assert_int_equal(
		store_job_started(w->store, mine.seq, 1, 55, "im", ISOLATION_CONTAINER, &err), 0);
	assert_int_equal(
		store_job_started(w->store, mine.seq, 2, 66, "im", ISOLATION_CONTAINER, &err),
		-ESTALE);
	assert_int_equal(store_lease_renew(w->store, UINT64_MAX, 50, &err), 0);
	commit(w);
	mine = read_job(w, &mine.id);
	assert_true(mine.driver == UINT64_MAX);
	assert_int_equal(mine.lease_until_age_ms, 50);
	assert_int_equal(mine.started_unix_ms, 55);
	assert_string_equal(mine.image, "im");
	assert_string_equal(mine.node, "n");
	other = read_job(w, &other.id);
	assert_int_equal(other.lease_until_age_ms, 5);
}

static void what_is_not_committed_is_not_there(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;

	begin(w);
	job = insert(w, "py");
	store_rollback(w->store);
	assert_int_equal(store_job_get(w->store, &job.id, &job, &err), -ENOENT);
	begin(w);
	job = insert(w, "py");
	reopen(w);
	assert_int_equal(store_job_get(w->store, &job.id, &job, &err), -ENOENT);
}

static void blobs_come_back_byte_for_byte(void **state)
{
	struct world *w = *state;
	const size_t sizes[] = { 1, BLOB_INLINE_MAX - 1, BLOB_INLINE_MAX };
	struct store_blob got;
	uint64_t lengths[JOB_BLOB_MAX_];
	struct err err;

	for (size_t i = 0; i < 3; i++) {
		struct store_blob blobs[JOB_BLOB_MAX_] = { 0 };
		cleanup_free uint8_t *data = malloc(sizes[i]);
		struct store_job job;

		for (size_t j = 0; j < sizes[i]; j++)
			data[j] = (uint8_t)j;
		blobs[JOB_BLOB_SPEC] = (struct store_blob){ .bytes = sizes[i], .data = data };
		blobs[JOB_BLOB_INPUT].bytes = 123456;
		(void)snprintf(blobs[JOB_BLOB_INPUT].file, sizeof(blobs[0].file), "f%zu", i);
		blobs[JOB_BLOB_INPUT].sha256[31] = 9;
		begin(w);
		job = insert_with(w, "py", blobs);
		commit(w);
		assert_int_equal(store_blob_get(w->store, job.seq, JOB_BLOB_SPEC, &got, &err), 0);
		assert_int_equal(got.bytes, sizes[i]);
		assert_memory_equal(got.data, data, sizes[i]);
		store_blob_done(&got);
		assert_int_equal(store_blob_get(w->store, job.seq, JOB_BLOB_INPUT, &got, &err), 0);
		assert_int_equal(got.bytes, 123456);
		assert_null(got.data);
		assert_string_equal(got.file, blobs[JOB_BLOB_INPUT].file);
		assert_int_equal(got.sha256[31], 9);
		assert_int_equal(store_blob_get(w->store, job.seq, JOB_BLOB_OUT, &got, &err), 0);
		assert_int_equal(got.bytes, 0);
		assert_int_equal(store_blob_sizes(w->store, job.seq, lengths, &err), 0);
		assert_int_equal(lengths[JOB_BLOB_SPEC], sizes[i]);
		assert_int_equal(lengths[JOB_BLOB_INPUT], 123456);
		assert_int_equal(lengths[JOB_BLOB_FILES], 0);
	}
}

static int count_one(const struct store_job *job, void *arg, struct err *err)
{
	(void)err;
	assert_int_not_equal(job->state, JOB_DONE);
	(*(int *)arg)++;
	return 0;
}

static void all_blobs_are_read_at_once(void **state)
{
	struct world *w = *state;
	struct store_blob blobs[JOB_BLOB_MAX_] = { 0 }, found[JOB_BLOB_MAX_];
	struct store_job job;
	struct err err;

	blobs[JOB_BLOB_SPEC] = (struct store_blob){ .bytes = 4, .data = (uint8_t *)"spec" };
	blobs[JOB_BLOB_INPUT] = (struct store_blob){ .bytes = 5, .data = (uint8_t *)"input" };
	blobs[JOB_BLOB_OUT].bytes = 70000;
	(void)snprintf(blobs[JOB_BLOB_OUT].file, sizeof(blobs[0].file), "f1");
	begin(w);
	job = insert_with(w, "t", blobs);
	commit(w);
	assert_int_equal(
		store_blobs_get(w->store, job.seq,
			1U << JOB_BLOB_SPEC | 1U << JOB_BLOB_OUT | 1U << JOB_BLOB_ERR, found, &err),
		0);
	assert_int_equal(found[JOB_BLOB_SPEC].bytes, 4);
	assert_memory_equal(found[JOB_BLOB_SPEC].data, "spec", 4);
	assert_int_equal(found[JOB_BLOB_INPUT].bytes, 5);
	assert_null(found[JOB_BLOB_INPUT].data);
	assert_int_equal(found[JOB_BLOB_OUT].bytes, 70000);
	assert_string_equal(found[JOB_BLOB_OUT].file, "f1");
	assert_int_equal(found[JOB_BLOB_ERR].bytes, 0);
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		store_blob_done(&found[kind]);
}

static void open_jobs_are_all_found(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;
	int n = 0;

	begin(w);
	(void)insert(w, "a");
	job = insert(w, "b");
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "n", 7, 5, &err), 0);
	job = insert(w, "c");
	assert_int_equal(end_job(w, &job, 0, JOB_QUEUED, 0), 0);
	commit(w);
	assert_int_equal(store_each_open(w->store, count_one, &n, &err), 0);
	assert_int_equal(n, 2);
}

/* Jobs 0..29: state by i % 3, task by i % 2. */
static void fill(struct world *w, struct store_job *job)
{
	struct err err;

	begin(w);
	for (int i = 0; i < 30; i++) {
		job[i] = insert(w, i % 2 == 0 ? "even" : "odd");
		if (i % 3 == 1)
			assert_int_equal(
				store_job_claim(w->store, job[i].seq, 0, "n", 7, 5, &err), 0);
		if (i % 3 == 2)
			assert_int_equal(end_job(w, &job[i], 0, JOB_QUEUED, 1000 + i), 0);
	}
	commit(w);
}

static void lists_page_in_both_orders(void **state)
{
	struct world *w = *state;
	struct store_job job[30];
	struct store_row row[7];
	struct err err;

	fill(w, job);
	for (unsigned states = 0; states < 8; states++) {
		for (int oldest = 0; oldest < 2; oldest++) {
			for (int task = 0; task < 3; task++) {
				static const char *const names[] = { "", "even", "odd" };
				uint64_t cursor = 0;
				int at = oldest ? 0 : 29;
				size_t n;

				do {
					assert_int_equal(
						store_list(w->store, oldest, states, names[task],
							NULL, cursor, 7, row, &n, &err),
						0);
					for (size_t i = 0; i < n; i++, at += oldest ? 1 : -1) {
						while ((states != 0 &&
							       (states & 1U << at % 3) == 0) ||
							(task != 0 && at % 2 != task - 1))
							at += oldest ? 1 : -1;
						assert_true(job_id_equal(&row[i].id, &job[at].id));
						assert_int_equal(row[i].state, at % 3);
						cursor = row[i].seq;
					}
				} while (n == 7);
			}
		}
	}
}

static void note_name(const char *file, void *arg)
{
	(void)snprintf(arg, STORE_FILE_CHARS + 1, "%s", file);
}

static void what_is_over_goes(void **state)
{
	struct world *w = *state;
	struct store_blob blobs[JOB_BLOB_MAX_] = { 0 };
	char file[STORE_FILE_CHARS + 1] = "";
	struct store_job early, late, waiting;
	struct store_done done[4];
	uint64_t lengths[JOB_BLOB_MAX_];
	int64_t next_ms;
	bool named;
	struct err err;
	size_t n;

	assert_int_equal(store_next_expiry(w->store, &next_ms, &err), 0);
	assert_true(next_ms == INT64_MAX);
	blobs[JOB_BLOB_INPUT].bytes = 100000;
	(void)snprintf(blobs[JOB_BLOB_INPUT].file, sizeof(blobs[0].file), "abc");
	begin(w);
	early = insert_with(w, "py", blobs);
	late = insert(w, "py");
	waiting = insert(w, "py");
	assert_int_equal(end_job(w, &late, 0, JOB_QUEUED, 2000), 0);
	assert_int_equal(end_job(w, &early, 0, JOB_QUEUED, 1000), 0);
	commit(w);
	assert_int_equal(store_next_expiry(w->store, &next_ms, &err), 0);
	assert_int_equal(next_ms, 1000);
	assert_int_equal(store_expired(w->store, 999, 4, done, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_expired(w->store, 1999, 4, done, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(done[0].seq, early.seq);
	assert_int_equal(done[0].bytes, 100000);
	assert_int_equal(done[0].ended_age_ms, 1000 - 60 * 1000);
	assert_int_equal(store_file_named(w->store, "abc", &named, &err), 0);
	assert_true(named);
	begin(w);
	assert_int_equal(store_job_delete(w->store, early.seq, note_name, file, &err), 0);
	assert_string_equal(file, "abc");
	assert_int_equal(store_job_delete(w->store, waiting.seq, note_name, file, &err), -ESTALE);
	commit(w);
	assert_int_equal(store_file_named(w->store, "abc", &named, &err), 0);
	assert_false(named);
	assert_int_equal(store_blob_sizes(w->store, early.seq, lengths, &err), 0);
	assert_int_equal(lengths[JOB_BLOB_INPUT], 0);
	assert_int_equal(store_expired(w->store, INT64_MAX, 4, done, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(done[0].seq, late.seq);
}

/* A job of a client that has ended at that age with so many bytes, half of them as its input. */
static struct store_job kept(
	struct world *w, const char *client, uint64_t bytes, int64_t ended_ms, int64_t retention_s)
{
	const struct store_ending ending = { .from = JOB_QUEUED,
		.verdict = VERDICT_OK,
		.finished_unix_ms = 99,
		.expires_age_ms = ended_ms + retention_s * 1000 };
	struct store_blob in[JOB_BLOB_MAX_] = { 0 }, out[JOB_BLOB_MAX_] = { 0 };
	struct store_job job = row_of("py");
	struct err err;

	(void)snprintf(job.client, sizeof(job.client), "%s", client);
	job.retention_s = retention_s;
	in[JOB_BLOB_INPUT] = (struct store_blob){ .bytes = bytes / 2, .data = calloc(1, bytes) };
	out[JOB_BLOB_OUT] = (struct store_blob){ .bytes = bytes / 2, .data = calloc(1, bytes) };
	assert_int_equal(store_job_insert(w->store, &job, in, &err), 0);
	assert_int_equal(job.bytes, bytes / 2);
	assert_int_equal(store_job_end(w->store, job.seq, 0, &ending, out, &err), 0);
	store_blob_done(&in[JOB_BLOB_INPUT]);
	store_blob_done(&out[JOB_BLOB_OUT]);
	return job;
}

struct sums {
	size_t n;
	uint64_t jobs[2], bytes[2];
	int64_t oldest_ms[2];
};

static int note_kept(
	const char *client, uint64_t jobs, uint64_t bytes, int64_t oldest_age_ms, void *arg)
{
	struct sums *sums = arg;
	int i = strcmp(client, "ann") == 0;

	assert_true(i == 1 || client[0] == '\0');
	sums->n++;
	sums->jobs[i] = jobs;
	sums->bytes[i] = bytes;
	sums->oldest_ms[i] = oldest_age_ms;
	return 0;
}

static void what_is_kept_is_counted(void **state)
{
	struct world *w = *state;
	struct store_done done[4];
	struct store_job last, first, other;
	struct sums sums = { 0 };
	struct err err;
	size_t n;

	assert_int_equal(store_each_kept(w->store, note_kept, &sums, &err), 0);
	assert_int_equal(sums.n, 0);
	begin(w);
	last = kept(w, "", 1000, 3000, 10); /* expires before the one that ended before it */
	first = kept(w, "", 200, 2000, 600);
	other = kept(w, "ann", 50, 1000, 600);
	(void)insert(w, "py");
	commit(w);
	reopen(w);
	assert_int_equal(read_job(w, &last.id).bytes, 1000);
	assert_int_equal(store_each_kept(w->store, note_kept, &sums, &err), 0);
	assert_int_equal(sums.n, 2);
	assert_int_equal(sums.jobs[0], 2);
	assert_int_equal(sums.bytes[0], 1200);
	assert_int_equal(sums.oldest_ms[0], 2000);
	assert_int_equal(sums.jobs[1], 1);
	assert_int_equal(sums.bytes[1], 50);
	assert_int_equal(store_oldest_done(w->store, "", 4, done, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(done[0].seq, first.seq);
	assert_int_equal(done[0].bytes, 200);
	assert_int_equal(done[0].ended_age_ms, 2000);
	assert_int_equal(done[1].seq, last.seq);
	assert_int_equal(store_oldest_done(w->store, "ann", 1, done, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(done[0].seq, other.seq);
	assert_string_equal(done[0].client, "ann");
	assert_int_equal(store_oldest_done(w->store, "bob", 4, done, &n, &err), 0);
	assert_int_equal(n, 0);
}

static void a_trace_stays_with_its_job(void **state)
{
	static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	struct world *w = *state;
	struct store_job job = row_of("py");
	struct err err;

	(void)snprintf(job.trace, sizeof(job.trace), "%s", trace);
	begin(w);
	assert_int_equal(store_job_insert(w->store, &job, NULL, &err), 0);
	commit(w);
	reopen(w);
	assert_string_equal(read_job(w, &job.id).trace, trace);
	begin(w);
	assert_int_equal(end_job(w, &job, 0, JOB_QUEUED, 1000), 0);
	commit(w);
	assert_string_equal(read_job(w, &job.id).trace, trace);
}

static void numbers_are_not_given_twice(void **state)
{
	struct world *w = *state;
	struct store_job first, second;
	char file[STORE_FILE_CHARS + 1];
	struct err err;

	begin(w);
	first = insert(w, "py");
	assert_int_equal(end_job(w, &first, 0, JOB_QUEUED, 1), 0);
	assert_int_equal(store_job_delete(w->store, first.seq, note_name, file, &err), 0);
	second = insert(w, "py");
	commit(w);
	assert_true(second.seq > first.seq);
}

static struct store_key key_of(const char *client, const char *name, uint64_t seq)
{
	struct store_key key = { .seq = seq };

	(void)snprintf(key.client, sizeof(key.client), "%s", client);
	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	memset(key.fingerprint, (int)seq + 1, sizeof(key.fingerprint));
	return key;
}

static void a_key_is_one_jobs(void **state)
{
	struct world *w = *state;
	struct store_job first, second, third;
	struct store_key key, got;
	char longest[STORE_KEY_MAX + 1] = { 0 };
	struct err err;

	memset(longest, '~', STORE_KEY_MAX);
	begin(w);
	first = insert(w, "py");
	second = insert(w, "py");
	third = insert(w, "py");
	key = key_of("", "a", first.seq);
	assert_int_equal(store_key_put(w->store, &key, &err), 0);
	key = key_of("", "a", second.seq);
	assert_int_equal(store_key_put(w->store, &key, &err), -EEXIST);
	key = key_of("", "A", second.seq); /* another one: bytes count */
	assert_int_equal(store_key_put(w->store, &key, &err), 0);
	key = key_of("anna", longest, third.seq);
	assert_int_equal(store_key_put(w->store, &key, &err), 0);
	assert_int_equal(store_key_get(w->store, "", "A", &got, &err), 0); /* at once */
	commit(w);
	reopen(w);
	assert_int_equal(store_key_get(w->store, "", "a", &got, &err), 0);
	assert_int_equal(got.seq, first.seq);
	assert_memory_equal(got.fingerprint, key_of("", "a", first.seq).fingerprint, 32);
	assert_int_equal(store_key_get(w->store, "", longest, &got, &err), -ENOENT);
	assert_int_equal(store_key_of(w->store, third.seq, &got, &err), 0);
	assert_string_equal(got.client, "anna");
	assert_string_equal(got.name, longest);
}

static void a_key_goes_with_its_job(void **state)
{
	struct world *w = *state;
	struct store_job kept, gone, withdrawn;
	char file[STORE_FILE_CHARS + 1] = "";
	struct store_key key, got;
	struct err err;

	begin(w);
	kept = insert(w, "py");
	gone = insert(w, "py");
	key = key_of("", "kept", kept.seq);
	assert_int_equal(store_key_put(w->store, &key, &err), 0);
	key = key_of("", "gone", gone.seq);
	assert_int_equal(store_key_put(w->store, &key, &err), 0);
	withdrawn = insert(w, "py");
	assert_int_equal(store_job_withdraw(w->store, withdrawn.seq, &err), 0);
	assert_int_equal(store_job_get(w->store, &withdrawn.id, &withdrawn, &err), -ENOENT);
	assert_int_equal(end_job(w, &gone, 0, JOB_QUEUED, 10), 0);
	assert_int_equal(store_job_delete(w->store, gone.seq, note_name, file, &err), 0);
	assert_int_equal(store_key_remove(w->store, kept.seq, &err), 0);
	commit(w);
	assert_int_equal(store_key_get(w->store, "", "gone", &got, &err), -ENOENT);
	assert_int_equal(store_key_get(w->store, "", "kept", &got, &err), -ENOENT);
	(void)read_job(w, &kept.id);
}

/* --- clients, and who did what --- */

static struct store_client client_of(const char *name, uint8_t hash)
{
	struct store_client row = { .made_unix_ms = 77 };

	client_default(&row.client, name);
	memset(row.client.token_hash, hash, sizeof(row.client.token_hash));
	row.client.weight = 5;
	row.client.max_running = 6;
	row.client.max_queued = 7;
	row.client.rate = 8500;
	row.client.burst = 9;
	row.client.max_bytes = INT64_C(1) << 45;
	row.client.is_operator = hash % 2 != 0;
	(void)snprintf(row.client.tasks, sizeof(row.client.tasks), "a,b");
	return row;
}

struct found_clients {
	struct store_client row[4];
	size_t n;
};

static int note_client(const struct store_client *row, void *arg, struct err *err)
{
	struct found_clients *found = arg;

	(void)err;
	assert_true(found->n < 4);
	found->row[found->n++] = *row;
	return 0;
}

static void clients_are_kept(void **state)
{
	struct store_client two = client_of("two", 2), one = client_of("one", 1);
	struct store_client same = client_of("three", 1);
	struct found_clients found = { .n = 0 };
	struct world *w = *state;
	struct err err;

	begin(w);
	assert_int_equal(store_client_add(w->store, &two, &err), 0);
	assert_int_equal(store_client_add(w->store, &one, &err), 0);
	commit(w);
	begin(w);
	assert_true(store_client_add(w->store, &same, &err) < 0);
	store_rollback(w->store);
	reopen(w);
	assert_int_equal(store_each_client(w->store, note_client, &found, &err), 0);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.row[0].client.name, "one");
	assert_memory_equal(
		found.row[0].client.token_hash, one.client.token_hash, CLIENT_HASH_BYTES);
	assert_int_equal(found.row[0].client.weight, 5);
	assert_int_equal(found.row[0].client.max_running, 6);
	assert_int_equal(found.row[0].client.max_queued, 7);
	assert_int_equal(found.row[0].client.rate, 8500);
	assert_int_equal(found.row[0].client.burst, 9);
	assert_int_equal(found.row[0].client.max_bytes, INT64_C(1) << 45);
	assert_string_equal(found.row[0].client.tasks, "a,b");
	assert_true(found.row[0].client.is_operator);
	assert_false(found.row[1].client.is_operator);
	assert_int_equal(found.row[1].made_unix_ms, 77);
	begin(w);
	assert_int_equal(store_client_delete(w->store, "one", &err), 0);
	assert_int_equal(store_client_delete(w->store, "one", &err), -ENOENT);
	commit(w);
	found.n = 0;
	assert_int_equal(store_each_client(w->store, note_client, &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.row[0].client.name, "two");
}

static void who_did_what_is_kept(void **state)
{
	struct world *w = *state;
	struct store_audit got[8];
	struct err err;
	size_t n;

	begin(w);
	for (int i = 0; i < 5; i++) {
		struct store_audit entry = { .at_unix_ms = i, .who = "me", .what = "cancel" };

		(void)snprintf(entry.object, sizeof(entry.object), "%d", i);
		assert_int_equal(store_audit_add(w->store, &entry, &err), 0);
	}
	commit(w);
	assert_int_equal(store_audit_list(w->store, false, 0, 3, got, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_string_equal(got[0].object, "4");
	assert_string_equal(got[0].who, "me");
	assert_string_equal(got[0].what, "cancel");
	assert_string_equal(got[0].detail, "");
	assert_int_equal(store_audit_list(w->store, false, got[2].n, 8, got, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(got[1].at_unix_ms, 0);
	assert_int_equal(store_audit_list(w->store, true, got[1].n, 8, got, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_string_equal(got[3].object, "4");
}

static void lists_are_of_one_client(void **state)
{
	static const char *const names[] = { "", "ann", "bob" };
	struct store_row row[40];
	struct world *w = *state;
	struct err err;
	size_t n;

	begin(w);
	for (int i = 0; i < 24; i++) {
		struct store_job job = row_of(i % 2 == 0 ? "even" : "odd");

		(void)snprintf(job.client, sizeof(job.client), "%s", names[i % 3]);
		assert_int_equal(store_job_insert(w->store, &job, NULL, &err), 0);
		if (i % 4 == 0)
			assert_int_equal(end_job(w, &job, 0, JOB_QUEUED, i), 0);
	}
	commit(w);
	for (int oldest = 0; oldest < 2; oldest++) {
		assert_int_equal(
			store_list(w->store, oldest, 0, NULL, "ann", 0, 40, row, &n, &err), 0);
		assert_int_equal(n, 8);
		for (size_t i = 0; i < n; i++)
			assert_string_equal(row[i].client, "ann");
		assert_int_equal(
			store_list(w->store, oldest, 0, "odd", "bob", 0, 40, row, &n, &err), 0);
		assert_int_equal(n, 4);
		assert_int_equal(store_list(w->store, oldest, 1U << JOB_DONE, NULL, "bob", 0, 1,
					 row, &n, &err),
			0);
		assert_int_equal(n, 1);
		assert_int_equal(row[0].state, JOB_DONE);
		assert_int_equal(
			store_list(w->store, oldest, 0, NULL, "eve", 0, 40, row, &n, &err), 0);
		assert_int_equal(n, 0);
	}
}

static struct store_job insert_announced(struct world *w, const char *url)
{
	struct store_job job = row_of("py");
	struct store_callback callback = { .due_age_ms = INT64_MAX };
	struct err err;

	job.callback = CALLBACK_PENDING;
	assert_int_equal(store_job_insert(w->store, &job, NULL, &err), 0);
	callback.seq = job.seq;
	(void)snprintf(callback.url, sizeof(callback.url), "%s", url);
	assert_int_equal(store_callback_put(w->store, &callback, &err), 0);
	return job;
}

static void end_announced(struct world *w, const struct store_job *job, int64_t age_ms)
{
	const struct store_ending ending = { .from = JOB_QUEUED,
		.verdict = VERDICT_CANCELLED,
		.finished_unix_ms = 1,
		.expires_age_ms = age_ms + 100000,
		.callback_age_ms = age_ms };
	struct err err;

	assert_int_equal(store_job_end(w->store, job->seq, 0, &ending, NULL, &err), 0);
}

static void endings_are_announced_when_due(void **state)
{
	struct world *w = *state;
	struct store_callback got[4];
	struct store_job late, early, open;
	int64_t next_ms;
	struct err err;
	size_t n;

	assert_int_equal(store_next_callback(w->store, &next_ms, &err), 0);
	assert_true(next_ms == INT64_MAX);
	begin(w);
	open = insert_announced(w, "http://open/");
	late = insert_announced(w, "http://late/");
	early = insert_announced(w, "http://early/");
	end_announced(w, &late, 2000);
	end_announced(w, &early, 1000);
	commit(w);
	reopen(w);
	assert_int_equal(store_next_callback(w->store, &next_ms, &err), 0);
	assert_int_equal(next_ms, 1000);
	assert_int_equal(store_callbacks_due(w->store, 999, 4, got, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_callbacks_due(w->store, 5000, 4, got, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(got[0].url, "http://early/");
	assert_int_equal(got[0].retention_s, early.retention_s);
	assert_int_equal(got[0].ended_age_ms, 1000);
	assert_true(job_id_equal(&got[0].id, &early.id));
	assert_int_equal(got[1].seq, late.seq);
	assert_int_equal(store_callback_get(w->store, open.seq, &got[2], &err), 0);
	assert_true(got[2].due_age_ms == INT64_MAX && got[2].ended_age_ms == 0);
	assert_int_equal(read_job(w, &open.id).callback, CALLBACK_PENDING);
}

static void an_announcement_is_one_courier_s(void **state)
{
	struct world *w = *state;
	struct store_callback mine, got;
	struct store_job job;
	char file[STORE_FILE_CHARS + 1] = "";
	int64_t next_ms;
	struct err err;
	size_t n;

	begin(w);
	job = insert_announced(w, "http://a/");
	end_announced(w, &job, 10);
	assert_int_equal(store_callbacks_due(w->store, 10, 1, &mine, &n, &err), 0);
	assert_int_equal(store_callback_move(w->store, &mine, 500, &err), 0);
	assert_int_equal(store_callback_move(w->store, &mine, 600, &err), -ESTALE);
	mine.due_age_ms = 500;
	mine.attempts = 1;
	(void)snprintf(mine.error, sizeof(mine.error), "it answered 500");
	assert_int_equal(store_callback_move(w->store, &mine, 900, &err), 0);
	commit(w);
	assert_int_equal(store_callback_get(w->store, job.seq, &got, &err), 0);
	assert_int_equal(got.due_age_ms, 900);
	assert_int_equal(got.attempts, 1);
	assert_string_equal(got.error, "it answered 500");
	begin(w);
	mine.attempts = 2;
	mine.error[0] = '\0'; /* late, but it has arrived */
	assert_int_equal(store_callback_end(w->store, &mine, CALLBACK_DELIVERED, 77, &err), 0);
	assert_int_equal(store_callback_end(w->store, &mine, CALLBACK_FAILED, 78, &err), -ESTALE);
	commit(w);
	assert_int_equal(read_job(w, &job.id).callback, CALLBACK_DELIVERED);
	assert_int_equal(read_job(w, &job.id).expires_age_ms, 77);
	assert_int_equal(store_next_callback(w->store, &next_ms, &err), 0);
	assert_true(next_ms == INT64_MAX);
	begin(w);
	assert_int_equal(store_job_delete(w->store, job.seq, note_name, file, &err), 0);
	commit(w);
	assert_int_equal(store_callback_get(w->store, job.seq, &got, &err), -ENOENT);
}

static void meta_is_kept(void **state)
{
	struct world *w = *state;
	char value[STORE_META_MAX + 1];
	struct err err;

	assert_int_equal(store_meta_get(w->store, "age", value, &err), 0);
	assert_string_equal(value, "");
	for (int i = 0; i < 2; i++) {
		begin(w);
		assert_int_equal(store_meta_set(w->store, "age", i ? "two" : "one", &err), 0);
		commit(w);
	}
	reopen(w);
	assert_int_equal(store_meta_get(w->store, "age", value, &err), 0);
	assert_string_equal(value, "two");
}

static void a_checkpoint_changes_nothing(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;

	for (int i = 0; i < 300; i++) {
		begin(w);
		for (int j = 0; j < 10; j++)
			job = insert(w, "py");
		commit(w);
	}
	assert_true(store_wants_checkpoint(w->store));
	assert_int_equal(store_checkpoint(w->store, &err), 0);
	begin(w);
	(void)insert(w, "py");
	commit(w);
	assert_false(store_wants_checkpoint(w->store));
	assert_int_equal(read_job(w, &job.id).seq, job.seq);
	assert_int_equal(store_counts(w->store).commits, 301);
}

/* Written, moved and written again for long: the room is used again. */
static void what_was_moved_makes_room(void **state)
{
	struct world *w = *state;
	struct stat st;
	off_t first = 0;
	struct err err;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 300; i++) {
			begin(w);
			(void)insert(w, "py");
			commit(w);
		}
		assert_int_equal(store_checkpoint(w->store, &err), 0);
		begin(w); /* while the checkpoint was on its way */
		(void)insert(w, "py");
		commit(w);
		assert_int_equal(store_checkpoint_rest(w->store, &err), 0);
		assert_return_code(stat(FILE_NAME "-wal", &st), errno);
		if (round == 0)
			first = st.st_size;
	}
	assert_in_range(st.st_size, 1, 2 * first);
}

static void reads_in_a_row_leave_nothing_behind(void **state)
{
	struct world *w = *state;
	struct store_job job, got;
	struct job_id nobody = { 0 };
	struct err err;

	begin(w);
	job = insert(w, "py");
	/* Within a write transaction, which stays what it is. */
	assert_int_equal(store_read_begin(w->store, &err), 0);
	assert_int_equal(read_job(w, &job.id).seq, job.seq);
	store_read_end(w->store);
	assert_true(store_in_transaction(w->store));
	commit(w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_read_begin(w->store, &err), 0);
		assert_int_equal(store_job_get(w->store, &nobody, &got, &err), -ENOENT);
		assert_int_equal(read_job(w, &job.id).seq, job.seq);
		store_read_end(w->store);
		assert_false(store_in_transaction(w->store));
	}
	store_read_end(w->store); /* after a begin that failed */
	begin(w);
	(void)insert(w, "py");
	commit(w);
}

/* Dies in the middle of a transaction: what was committed is there, the rest is not. */
static void kill_9_keeps_what_was_committed(void **state)
{
	struct world *w = *state;
	struct store_job row[2] = { row_of("py"), row_of("py") }, got;
	struct err err;
	int status;
	pid_t pid;

	store_close(w->store);
	w->store = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *store;

		for (int i = 0; i < 2; i++) {
			if ((i == 0 && store_open(backend, w->where, &store, &err) < 0) ||
				store_begin(store, &err) < 0 ||
				store_job_insert(store, &row[i], NULL, &err) < 0 ||
				(i == 0 && store_commit(store, &err) < 0))
				_exit(1);
		}
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	w->store = open_store(w);
	(void)read_job(w, &row[0].id);
	assert_int_equal(store_job_get(w->store, &row[1].id, &got, &err), -ENOENT);
}

/* --- SQLite's own --- */

static void change_file(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_newer_schema_is_refused(void **state)
{
	struct world *w = *state;
	struct err err;

	store_close(w->store);
	w->store = NULL;
	change_file("PRAGMA user_version = 99");
	assert_int_equal(store_open("sqlite", FILE_NAME, &w->store, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "newer"));
	assert_int_equal(store_open("paper", FILE_NAME, &w->store, &err), -EINVAL);
}

static void an_older_schema_is_brought_up(void **state)
{
	struct world *w = *state;
	struct store_job got;
	struct job_id id;
	struct err err;

	store_close(w->store);
	w->store = NULL;
	assert_return_code(unlink(FILE_NAME), errno);
	change_file(SQLITE_TO_1);
	change_file("PRAGMA user_version = 1");
	change_file(
		"INSERT INTO job VALUES (7, X'"
		"0102030405060708091011121314151617181920212223242526272829303132"
		"', '', 'py', 0, 0, NULL, 0, 0, 0, 1, 1, 1, 0, 0, 600, 0, '', 0, 0, '', 0, '')");
	change_file("INSERT INTO blob VALUES (7, 0, 3, X'010203', NULL, NULL)");
	change_file("INSERT INTO blob VALUES (7, 1, 2, X'0102', NULL, NULL)");
	w->store = open_store(w);
	assert_int_equal(store_job_get_seq(w->store, 7, &got, &err), 0);
	assert_string_equal(got.task, "py");
	assert_int_equal(got.bytes, 5);
	assert_string_equal(got.trace, "");
	id = got.id;
	store_close(w->store);
	w->store = open_store(w);
	assert_int_equal(store_job_get(w->store, &id, &got, &err), 0);
}

static void damage_is_found(void **state)
{
	struct world *w = *state;
	struct err err;
	int fd, r;

	begin(w);
	for (int i = 0; i < 2000; i++)
		(void)insert(w, "py");
	commit(w);
	store_close(w->store);
	w->store = NULL;
	fd = open(FILE_NAME, O_WRONLY | O_CLOEXEC);
	for (off_t page = 20; page < 60; page++)
		assert_int_equal(pwrite(fd, "damage damage damage", 20, page * 4096), 20);
	(void)close(fd);
	r = store_open("sqlite", FILE_NAME, &w->store, &err);
	assert_int_equal(r, -EUCLEAN);
}

static void the_schema_refuses_nonsense(void **state)
{
	static const char *const bad[] = {
		"UPDATE job SET state = 3",
		"UPDATE job SET state = 2",
		"UPDATE job SET state = 1",
		"UPDATE job SET id = x'00'",
		"UPDATE job SET attempt = 'x'",
		"INSERT INTO blob (seq, kind, bytes, data) VALUES (1, 0, 2, x'00')",
		"INSERT INTO blob (seq, kind, bytes) VALUES (1, 0, 2)",
		"INSERT INTO blob (seq, kind, bytes, data) VALUES (99, 0, 1, x'00')",
		"INSERT INTO blob (seq, kind, bytes, data) VALUES (1, 0, 65537, zeroblob(65537))",
	};
	struct world *w = *state;
	sqlite3 *db;

	begin(w);
	(void)insert(w, "py");
	commit(w);
	assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			sqlite3_exec(db, bad[i], NULL, NULL, NULL) & 0xff, SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* --- several moves in one write, for stores with one writer --- */

#define ALL_EVENTS                                                                          \
	(1U << STORE_EVENT_QUEUED | 1U << STORE_EVENT_RUNNING | 1U << STORE_EVENT_STARTED | \
		1U << STORE_EVENT_DONE)

/* A job that has gone all its way, as store_job_write() is told of it. */
static struct store_job ended_row(const struct store_job *job)
{
	struct store_job row = *job;

	row.state = JOB_DONE;
	row.verdict = VERDICT_OK;
	row.attempt = 1;
	row.started_unix_ms = 50;
	row.finished_unix_ms = 99;
	row.expires_age_ms = 7000;
	(void)snprintf(row.node, sizeof(row.node), "n1");
	(void)snprintf(row.image, sizeof(row.image), "sha256:1");
	return row;
}

static void write_job(struct world *w, const struct store_write *write)
{
	struct err err;

	begin(w);
	if (store_job_write(w->store, write, &err) < 0)
		fail_msg("%s", err.msg);
	commit(w);
}

static void assert_same_job(struct world *w, const struct store_job *a, const struct store_job *b)
{
	struct store_job one = read_job(w, &a->id), other = read_job(w, &b->id);

	assert_int_equal(one.state, other.state);
	assert_int_equal(one.verdict, other.verdict);
	assert_int_equal(one.attempt, other.attempt);
	assert_int_equal(one.driver, other.driver);
	assert_int_equal(one.priority, other.priority);
	assert_int_equal(one.started_unix_ms, other.started_unix_ms);
	assert_int_equal(one.finished_unix_ms, other.finished_unix_ms);
	assert_int_equal(one.expires_age_ms, other.expires_age_ms);
	assert_int_equal(one.lease_until_age_ms, other.lease_until_age_ms);
	assert_string_equal(one.task, other.task);
	assert_string_equal(one.node, other.node);
	assert_string_equal(one.image, other.image);
	assert_string_equal(one.error, other.error);
}

static void several_moves_are_one_write(void **state)
{
	struct world *w = *state;
	struct store_job by_moves, at_once, later, row;
	struct store_write write = { .events = ALL_EVENTS, .running_unix_ms = 40, .row = &row };
	struct err err;
	uint64_t seq;

	assert_true(store_is_ours(w->store));
	begin(w);
	by_moves = insert(w, "t");
	later = insert(w, "t");
	assert_int_equal(store_job_claim(w->store, by_moves.seq, 0, "n1", 5, 1000, &err), 0);
	assert_int_equal(store_job_started(w->store, by_moves.seq, 1, 50, "sha256:1",
				 ISOLATION_CONTAINER, &err),
		0);
	assert_int_equal(end_job(w, &by_moves, 1, JOB_RUNNING, 7000), 0);
	commit(w);

	assert_int_equal(store_next_seq(w->store, &seq, &err), 0);
	assert_true(seq > later.seq);
	at_once = row_of("t");
	at_once.seq = seq;
	row = ended_row(&at_once);
	write.insert = true;
	write_job(w, &write);
	assert_same_job(w, &by_moves, &at_once);
	assert_int_equal(store_next_seq(w->store, &seq, &err), 0);
	assert_int_equal(seq, at_once.seq + 1);

	row = ended_row(&later);
	write.insert = false;
	write.from = JOB_QUEUED;
	write.events &= ~(1U << STORE_EVENT_QUEUED);
	write_job(w, &write);
	assert_same_job(w, &by_moves, &later);

	begin(w); /* fenced as all moves are */
	assert_int_equal(store_job_write(w->store, &write, &err), -ESTALE);
	store_rollback(w->store);
}

/* What a write does not speak of stays as it was. */
static void a_write_of_one_move_leaves_the_rest(void **state)
{
	struct world *w = *state;
	struct store_job job, row, found;
	struct store_write write = { .from = JOB_RUNNING,
		.from_attempt = 1,
		.events = 1U << STORE_EVENT_DONE,
		.row = &row };
	struct err err;

	begin(w);
	job = insert(w, "t");
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "n1", 5, 1000, &err), 0);
	assert_int_equal(
		store_job_started(w->store, job.seq, 1, 50, "sha256:2", ISOLATION_CONTAINER, &err),
		0);
	commit(w);
	row = (struct store_job){ .seq = job.seq,
		.state = JOB_DONE,
		.verdict = VERDICT_LOST,
		.attempt = 1,
		.failures = 2,
		.finished_unix_ms = 77,
		.expires_age_ms = 8000,
		.error = "gone" };
	write_job(w, &write);
	found = read_job(w, &job.id);
	assert_int_equal(found.state, JOB_DONE);
	assert_int_equal(found.failures, 2);
	assert_int_equal(found.started_unix_ms, 50);
	assert_string_equal(found.node, "n1");
	assert_string_equal(found.image, "sha256:2");
	assert_string_equal(found.error, "gone");
}

/* The way to the working directory is closed to this user; the directory itself is not. */
static void parents_may_be_closed(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	store_close(w->store);
	w->store = NULL;
	assert_return_code(mkdir("s/closed", 0700), errno);
	assert_return_code(mkdir("s/closed/own", 0700), errno);
	assert_return_code(chown("s/closed/own", 65533, 65533), errno);
	assert_return_code(chdir("s/closed/own"), errno);
	assert_return_code(mkdir("s", 0700), errno);
	assert_return_code(chown("s", 65533, 65533), errno);
	pid = fork();
	if (pid == 0) {
		struct store *store;
		struct err err;

		if (setresuid(65533, 65533, 65533) < 0 || access("/proc/self/cwd/..", X_OK) == 0)
			_exit(2);
		if (store_open("sqlite", FILE_NAME, &store, &err) < 0 ||
			store_begin(store, &err) < 0 || store_commit(store, &err) < 0)
			_exit(1);
		store_close(store);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)unlink(FILE_NAME);
	(void)rmdir("s");
	assert_return_code(chdir("../../.."), errno);
	(void)rmdir("s/closed/own");
	(void)rmdir("s/closed");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest contract[] = {
		TEST(a_job_comes_back_as_it_went),
		TEST(an_id_is_taken_once),
		TEST(moves_are_fenced),
		TEST(a_driver_holds_and_renews),
		TEST(what_is_not_committed_is_not_there),
		TEST(blobs_come_back_byte_for_byte),
		TEST(all_blobs_are_read_at_once),
		TEST(open_jobs_are_all_found),
		TEST(lists_page_in_both_orders),
		TEST(what_is_over_goes),
		TEST(what_is_kept_is_counted),
		TEST(a_trace_stays_with_its_job),
		TEST(numbers_are_not_given_twice),
		TEST(a_key_is_one_jobs),
		TEST(a_key_goes_with_its_job),
		TEST(clients_are_kept),
		TEST(who_did_what_is_kept),
		TEST(lists_are_of_one_client),
		TEST(endings_are_announced_when_due),
		TEST(an_announcement_is_one_courier_s),
		TEST(meta_is_kept),
		TEST(a_checkpoint_changes_nothing),
		TEST(reads_in_a_row_leave_nothing_behind),
		TEST(kill_9_keeps_what_was_committed),
	};
	const struct CMUnitTest sqlite[] = {
		TEST(a_newer_schema_is_refused),
		TEST(an_older_schema_is_brought_up),
		TEST(damage_is_found),
		TEST(the_schema_refuses_nonsense),
		TEST(parents_may_be_closed),
		TEST(what_was_moved_makes_room),
		TEST(several_moves_are_one_write),
		TEST(a_write_of_one_move_leaves_the_rest),
	};

	const struct CMUnitTest mariadb[] = {
#define X(name) TEST(name),
		MARIADB_TESTS(X)
#undef X
	};
	int failed;

	if (argc > 1)
		backend = argv[1];
	failed = cmocka_run_group_tests(contract, NULL, NULL);
	if (strcmp(backend, "sqlite") == 0)
		failed += cmocka_run_group_tests(sqlite, NULL, NULL);
	else
		failed += cmocka_run_group_tests(mariadb, NULL, NULL);
	return failed;
}
