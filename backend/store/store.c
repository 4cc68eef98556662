/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "store_ops.h"

static const struct store_ops *const backends[] = { &store_sqlite_ops, &store_mariadb_ops };

int store_open_shared(const char *backend, const char *where, const char *node, struct store **ret,
	struct err *err)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, backend) == 0)
			return backends[i]->open(where, node, ret, err);
	return err_say(err, EINVAL, "no store of the kind '%s'", backend);
}

int store_open(const char *backend, const char *where, struct store **ret, struct err *err)
{
	return store_open_shared(backend, where, NULL, ret, err);
}

bool store_is_shared(const struct store *store)
{
	return store->shared;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_rollback(store);
	store->ops->close(store);
}

const char *store_call_name(enum store_call call)
{
	static const char *const names[STORE_CALL_MAX_] = {
#define X(id, name) [STORE_CALL_##id] = name,
		STORE_CALLS(X)
#undef X
	};

	return names[call];
}

/* The end of a call. Of the store's own thread alone. */
static int counted(struct store *store, enum store_call call, int64_t began_us, int r)
{
	prom_observe_us(&store->counts.took[call], clock_us() - began_us);
	if (r < 0 && r != -ENOENT && r != -ESTALE && r != -EEXIST)
		store->counts.failed[call]++;
	return r;
}

int store_begin(struct store *store, struct err *err)
{
	int r;

	assert(!store->in_transaction && !store->reading);
	r = store->ops->begin(store, err);
	if (r < 0)
		return r;
	store->in_transaction = true;
	return 0;
}

int store_commit(struct store *store, struct err *err)
{
	int64_t begun_us = clock_us();
	uint64_t us;
	int r;

	assert(store->in_transaction);
	store->outcome_unknown = false;
	r = counted(store, STORE_CALL_COMMIT, begun_us, store->ops->commit(store, err));
	if (r < 0) {
		store->counts.failed_commits++;
		return r;
	}
	store->in_transaction = false;
	us = (uint64_t)(clock_us() - begun_us);
	store->counts.commits++;
	store->counts.commit_us += us;
	if (us > store->counts.commit_us_max)
		store->counts.commit_us_max = us;
	return 0;
}

void store_rollback(struct store *store)
{
	if (!store->in_transaction)
		return;
	store->ops->rollback(store);
	store->in_transaction = false;
}

bool store_in_transaction(const struct store *store)
{
	return store->in_transaction;
}

int store_read_begin(struct store *store, struct err *err)
{
	int r;

	assert(!store->reading);
	if (store->in_transaction)
		return 0;
	r = store->ops->read_begin(store, err);
	if (r == 0)
		store->reading = true;
	return r;
}

void store_read_end(struct store *store)
{
	if (!store->reading)
		return;
	store->reading = false;
	store->ops->read_end(store);
}

struct store_counts store_counts(const struct store *store)
{
	return store->counts;
}

bool store_outcome_unknown(const struct store *store)
{
	return store->outcome_unknown;
}

int store_revive(struct store *store, struct err *err)
{
	return store->ops->revive == NULL ? 0 : store->ops->revive(store, err);
}

int store_meta_get(
	struct store *store, const char *key, char ret[static STORE_META_MAX + 1], struct err *err)
{
	return store->ops->meta_get(store, key, ret, err);
}

int store_meta_set(struct store *store, const char *key, const char *value, struct err *err)
{
	assert(store->in_transaction);
	if (strlen(value) > STORE_META_MAX)
		return err_say(err, EINVAL, "value of '%s' is too long", key);
	return store->ops->meta_set(store, key, value, err);
}

static int put_blobs(
	struct store *store, uint64_t seq, const struct store_blob *blobs, struct err *err)
{
	for (int kind = 0; blobs != NULL && kind < JOB_BLOB_MAX_; kind++) {
		int r;

		if (blobs[kind].bytes == 0)
			continue;
		assert(blobs[kind].file[0] != '\0' ||
			(blobs[kind].data != NULL && blobs[kind].bytes <= BLOB_INLINE_MAX));
		r = store->ops->blob_put(store, seq, (enum job_blob)kind, &blobs[kind], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int store_job_insert(
	struct store *store, struct store_job *job, const struct store_blob *blobs, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	job->state = JOB_QUEUED;
	job->verdict = VERDICT_MAX_;
	job->bytes = store_blobs_bytes(blobs);
	r = store->ops->job_insert(store, job, err);
	if (r == 0)
		r = put_blobs(store, job->seq, blobs, err);
	if (r == 0)
		r = store->ops->event_add(store, job->seq, job->attempt, STORE_EVENT_QUEUED,
			job->queued_unix_ms, "", err);
	return counted(store, STORE_CALL_INSERT, began_us, r);
}

int store_job_get(
	struct store *store, const struct job_id *id, struct store_job *ret, struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_GET, began_us, store->ops->job_get(store, id, ret, err));
}

int store_job_get_seq(struct store *store, uint64_t seq, struct store_job *ret, struct err *err)
{
	int64_t began_us = clock_us();

	return counted(
		store, STORE_CALL_GET, began_us, store->ops->job_get_seq(store, seq, ret, err));
}

int store_job_withdraw(struct store *store, uint64_t seq, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->job_withdraw(store, seq, err);
}

int store_key_put(struct store *store, const struct store_key *key, struct err *err)
{
	bool was_free = false;
	int r;

	assert(store->in_transaction);
	r = store->ops->key_put(store, key, &was_free, err);
	if (r == 0 && !was_free)
		r = err_say(err, EEXIST, "the key is taken");
	return r;
}

int store_key_get(struct store *store, const char *client, const char *name, struct store_key *ret,
	struct err *err)
{
	return store->ops->key_get(store, client, name, ret, err);
}

int store_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err)
{
	return store->ops->key_of(store, seq, ret, err);
}

int store_key_remove(struct store *store, uint64_t seq, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->key_remove(store, seq, err);
}

int store_callback_put(struct store *store, const struct store_callback *callback, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->callback_put(store, callback, err);
}

int store_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err)
{
	return store->ops->callback_get(store, seq, ret, err);
}

int store_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err)
{
	return store->ops->callbacks_due(store, age_ms, limit, ret, ret_n, err);
}

int store_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	return store->ops->next_callback(store, ret_age_ms, err);
}

int store_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->callback_move(store, callback, due_age_ms, err);
}

int store_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->callback_end(store, callback, state, expires_age_ms, err);
}

int store_job_claim(struct store *store, uint64_t seq, uint32_t attempt, const char *node,
	uint64_t driver, int64_t lease_until_age_ms, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	assert(job_state_can_move(JOB_QUEUED, JOB_RUNNING));
	r = store->ops->job_claim(store, seq, attempt, node, driver, lease_until_age_ms, err);
	if (r == 0)
		r = store->ops->event_add(
			store, seq, attempt + 1, STORE_EVENT_RUNNING, clock_unix_ms(), node, err);
	return counted(store, STORE_CALL_MOVE, began_us, r);
}

int store_job_started(struct store *store, uint64_t seq, uint32_t attempt, int64_t started_unix_ms,
	const char *image, enum isolation isolation, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	r = store->ops->job_started(store, seq, attempt, started_unix_ms, image, isolation, err);
	if (r == 0)
		r = store->ops->event_add(
			store, seq, attempt, STORE_EVENT_STARTED, started_unix_ms, "", err);
	return counted(store, STORE_CALL_MOVE, began_us, r);
}

int store_job_requeue(struct store *store, uint64_t seq, uint32_t attempt, uint32_t failures,
	const char *reason, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	assert(job_state_can_move(JOB_RUNNING, JOB_QUEUED));
	r = store->ops->job_requeue(store, seq, attempt, failures, reason, err);
	if (r == 0)
		r = store->ops->event_add(
			store, seq, attempt, STORE_EVENT_REQUEUED, clock_unix_ms(), reason, err);
	return counted(store, STORE_CALL_MOVE, began_us, r);
}

int store_job_end(struct store *store, uint64_t seq, uint32_t attempt,
	const struct store_ending *ending, const struct store_blob *blobs, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	assert(job_state_can_move(ending->from, JOB_DONE));
	r = store->ops->job_end(store, seq, attempt, ending, store_blobs_bytes(blobs), err);
	if (r == 0)
		r = put_blobs(store, seq, blobs, err);
	if (r == 0)
		r = store->ops->event_add(store, seq, attempt, STORE_EVENT_DONE,
			ending->finished_unix_ms, verdict_name(ending->verdict), err);
	if (r == 0 && ending->callback_age_ms != 0)
		r = store->ops->callback_start(store, seq, ending->callback_age_ms, err);
	return counted(store, STORE_CALL_MOVE, began_us, r);
}

bool store_is_ours(const struct store *store)
{
	return store->ops->job_write != NULL;
}

int store_next_seq(struct store *store, uint64_t *ret, struct err *err)
{
	return store->ops->next_seq(store, ret, err);
}

static int add_events(struct store *store, const struct store_write *write, struct err *err)
{
	const struct store_job *row = write->row;
	const struct {
		enum store_event event;
		uint32_t attempt;
		int64_t at_unix_ms;
		const char *data;
	} events[] = {
		{ STORE_EVENT_QUEUED, 0, row->queued_unix_ms, "" },
		{ STORE_EVENT_RUNNING, row->attempt, write->running_unix_ms, row->node },
		{ STORE_EVENT_STARTED, row->attempt, row->started_unix_ms, "" },
		{ STORE_EVENT_DONE, row->attempt, row->finished_unix_ms,
			verdict_name(row->verdict) },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(events) / sizeof(events[0]); i++)
		if ((write->events & 1U << events[i].event) != 0)
			r = store->ops->event_add(store, row->seq, events[i].attempt,
				events[i].event, events[i].at_unix_ms, events[i].data, err);
	return r;
}

int store_job_write(struct store *store, const struct store_write *write, struct err *err)
{
	int64_t began_us = clock_us();
	int r;

	assert(store->in_transaction);
	r = store->ops->job_write(store, write, err);
	if (r == 0)
		r = put_blobs(store, write->row->seq, write->blobs, err);
	if (r == 0)
		r = put_blobs(store, write->row->seq, write->results, err);
	if (r == 0)
		r = add_events(store, write, err);
	if (r == 0 && write->callback_age_ms != 0)
		r = store->ops->callback_start(store, write->row->seq, write->callback_age_ms, err);
	return counted(store, STORE_CALL_WRITE, began_us, r);
}

int store_lease_renew(struct store *store, uint64_t driver, int64_t until_age_ms, struct err *err)
{
	int64_t began_us = clock_us();

	assert(store->in_transaction);
	return counted(store, STORE_CALL_LEASES, began_us,
		store->ops->lease_renew(store, driver, until_age_ms, err));
}

int store_blob_get(struct store *store, uint64_t seq, enum job_blob kind, struct store_blob *ret,
	struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_BLOBS, began_us,
		store->ops->blob_get(store, seq, kind, ret, err));
}

int store_blob_sizes(
	struct store *store, uint64_t seq, uint64_t ret[static JOB_BLOB_MAX_], struct err *err)
{
	int64_t began_us = clock_us();

	return counted(
		store, STORE_CALL_BLOBS, began_us, store->ops->blob_sizes(store, seq, ret, err));
}

static int blobs_one_by_one(struct store *store, uint64_t seq, unsigned want,
	struct store_blob ret[static JOB_BLOB_MAX_], struct err *err)
{
	uint64_t sizes[JOB_BLOB_MAX_];
	int r = store->ops->blob_sizes(store, seq, sizes, err);

	for (int kind = 0; r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		if (sizes[kind] > 0 && (want & 1U << kind) != 0)
			r = store->ops->blob_get(store, seq, (enum job_blob)kind, &ret[kind], err);
		else
			ret[kind].bytes = sizes[kind];
	}
	return r;
}

int store_blobs_get(struct store *store, uint64_t seq, unsigned want,
	struct store_blob ret[static JOB_BLOB_MAX_], struct err *err)
{
	struct store_blob blobs[JOB_BLOB_MAX_] = { 0 };
	int64_t began_us = clock_us();
	int r = store->ops->blobs_get != NULL ? store->ops->blobs_get(store, seq, want, blobs, err)
					      : blobs_one_by_one(store, seq, want, blobs, err);

	if (r == 0)
		memcpy(ret, blobs, sizeof(blobs));
	else
		for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
			store_blob_done(&blobs[kind]);
	return counted(store, STORE_CALL_BLOBS, began_us, r);
}

uint64_t store_blobs_bytes(const struct store_blob *blobs)
{
	uint64_t bytes = 0;

	for (int kind = 0; blobs != NULL && kind < JOB_BLOB_MAX_; kind++)
		bytes += blobs[kind].bytes;
	return bytes;
}

void store_blob_done(struct store_blob *blob)
{
	free(blob->data);
	*blob = (struct store_blob){ 0 };
}

int store_each_open(struct store *store, store_job_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_open(store, fn, arg, err);
}

static bool goes_first(bool oldest_first, const struct store_row *a, const struct store_row *b)
{
	return oldest_first ? a->seq < b->seq : a->seq > b->seq;
}

/* Merges rows `from` into the sorted ones of ret, and keeps the first `limit`. */
static int merge(bool oldest_first, struct store_row *ret, size_t *n, const struct store_row *from,
	size_t n_from, size_t limit, struct err *err)
{
	size_t total = *n + n_from < limit ? *n + n_from : limit;
	cleanup_free struct store_row *old = calloc(*n + 1, sizeof(*old));
	size_t a = 0, b = 0;

	if (old == NULL)
		return err_set(err, ENOMEM, "list");
	memcpy(old, ret, *n * sizeof(*old));
	for (size_t i = 0; i < total; i++) {
		bool first = b == n_from || (a < *n && goes_first(oldest_first, &old[a], &from[b]));

		ret[i] = first ? old[a++] : from[b++];
	}
	*n = total;
	return 0;
}

static int list_rows(struct store *store, bool oldest_first, enum job_state state, const char *task,
	const char *client, uint64_t cursor, size_t limit, struct store_row *ret, size_t *ret_n,
	struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_LIST, began_us,
		store->ops->list(
			store, oldest_first, state, task, client, cursor, limit, ret, ret_n, err));
}

int store_list(struct store *store, bool oldest_first, unsigned states, const char *task,
	const char *client, uint64_t cursor, size_t limit, struct store_row *ret, size_t *ret_n,
	struct err *err)
{
	const unsigned all = (1U << JOB_STATE_MAX_) - 1;
	cleanup_free struct store_row *rows = NULL;
	size_t n = 0;

	if (task != NULL && task[0] == '\0')
		task = NULL;
	if (client != NULL && client[0] == '\0')
		client = NULL;
	if (limit == 0) {
		*ret_n = 0;
		return 0;
	}
	if ((states == 0 || states == all) && task == NULL && client == NULL)
		return list_rows(store, oldest_first, JOB_STATE_MAX_, NULL, NULL, cursor, limit,
			ret, ret_n, err);
	rows = calloc(limit, sizeof(*rows));
	if (rows == NULL)
		return err_set(err, ENOMEM, "list");
	for (int state = 0; state < JOB_STATE_MAX_; state++) {
		size_t got;
		int r;

		if (states != 0 && (states & 1U << state) == 0)
			continue;
		r = list_rows(store, oldest_first, (enum job_state)state, task, client, cursor,
			limit, rows, &got, err);
		if (r == 0)
			r = merge(oldest_first, ret, &n, rows, got, limit, err);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}

int store_expired(struct store *store, int64_t age_ms, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_EXPIRY, began_us,
		store->ops->expired(store, age_ms, limit, ret, ret_n, err));
}

int store_oldest_done(struct store *store, const char *client, size_t limit, struct store_done *ret,
	size_t *ret_n, struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_EXPIRY, began_us,
		store->ops->oldest_done(store, client, limit, ret, ret_n, err));
}

int store_each_kept(struct store *store, store_kept_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_kept(store, fn, arg, err);
}

int store_next_expiry(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	int64_t began_us = clock_us();

	return counted(store, STORE_CALL_EXPIRY, began_us,
		store->ops->next_expiry(store, ret_age_ms, err));
}

int store_job_delete(
	struct store *store, uint64_t seq, store_file_fn *fn, void *arg, struct err *err)
{
	int64_t began_us = clock_us();

	assert(store->in_transaction);
	return counted(store, STORE_CALL_DELETE, began_us,
		store->ops->job_delete(store, seq, fn, arg, err));
}

int store_file_named(struct store *store, const char *file, bool *ret, struct err *err)
{
	return store->ops->file_named(store, file, ret, err);
}

int store_each_file(struct store *store, store_file_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_file(store, fn, arg, err);
}

uint64_t store_bytes(struct store *store)
{
	return store->ops->bytes(store);
}

bool store_wants_checkpoint(struct store *store)
{
	return store->ops->wants_checkpoint(store);
}

int store_checkpoint(struct store *store, struct err *err)
{
	return store->ops->checkpoint(store, err);
}

int store_checkpoint_rest(struct store *store, struct err *err)
{
	assert(!store->in_transaction && !store->reading);
	return store->ops->checkpoint_rest == NULL ? 0 : store->ops->checkpoint_rest(store, err);
}

static int not_kept(const struct store *store, struct err *err)
{
	return err_say(err, ENOTSUP, "store: %s does not do that", store->ops->name);
}

int store_file_put(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err)
{
	if (store->ops->file_put == NULL)
		return not_kept(store, err);
	return store->ops->file_put(store, name, fd, bytes, err);
}

int store_file_get(struct store *store, const char *name, int fd, uint64_t bytes, struct err *err)
{
	if (store->ops->file_get == NULL)
		return not_kept(store, err);
	return store->ops->file_get(store, name, fd, bytes, err);
}

int store_file_remove(struct store *store, const char *name, struct err *err)
{
	if (store->ops->file_remove == NULL)
		return not_kept(store, err);
	return store->ops->file_remove(store, name, err);
}

int store_follow_start(struct store *store, uint64_t *ret_last, struct err *err)
{
	if (store->ops->follow_start == NULL)
		return not_kept(store, err);
	return store->ops->follow_start(store, ret_last, err);
}

int store_follow(struct store *store, uint64_t *last, store_seq_fn *fn, void *arg, struct err *err)
{
	if (store->ops->follow == NULL)
		return not_kept(store, err);
	return store->ops->follow(store, last, fn, arg, err);
}

int store_age_sync(struct store *store, int64_t mine_ms, int64_t *ret_ms, struct err *err)
{
	if (store->ops->age_sync == NULL)
		return not_kept(store, err);
	assert(store->in_transaction);
	return store->ops->age_sync(store, mine_ms, ret_ms, err);
}

int store_job_import(struct store *store, const struct store_job *row,
	const struct store_blob *blobs, struct err *err)
{
	int r;

	assert(store->in_transaction);
	r = store->ops->job_put(store, row, err);
	return r < 0 ? r : put_blobs(store, row->seq, blobs, err);
}

int store_each_event(
	struct store *store, uint64_t seq, store_event_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_event(store, seq, fn, arg, err);
}

int store_event_import(struct store *store, uint64_t seq, uint32_t attempt, enum store_event kind,
	int64_t at_unix_ms, const char *data, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->event_add(store, seq, attempt, kind, at_unix_ms, data, err);
}

int store_clear(struct store *store, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->clear(store, err);
}

int store_client_add(struct store *store, const struct store_client *client, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->client_add(store, client, err);
}

int store_client_delete(struct store *store, const char *name, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->client_delete(store, name, err);
}

int store_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_client(store, fn, arg, err);
}

int store_pause_set(struct store *store, const char *task, bool paused, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->pause_set(store, task, paused, err);
}

int store_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err)
{
	return store->ops->each_pause(store, fn, arg, err);
}

int store_audit_add(struct store *store, const struct store_audit *entry, struct err *err)
{
	assert(store->in_transaction);
	return store->ops->audit_add(store, entry, err);
}

int store_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err)
{
	if (!oldest_first && (cursor == 0 || cursor > INT64_MAX))
		cursor = INT64_MAX;
	return store->ops->audit_list(store, oldest_first, cursor, limit, ret, ret_n, err);
}
