/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "queue.h"

static void fetch_free(struct fetch *fetch)
{
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		store_blob_done(&fetch->stored[kind]);
		blob_done(&fetch->got[kind]);
	}
	free(fetch);
}

/* In the worker. */
static void run(void *arg)
{
	struct fetch *fetch = arg;
	struct spool *spool = fetch->queue->spool;

	for (int kind = 0; fetch->r == 0 && kind < JOB_BLOB_MAX_; kind++) {
		const struct store_blob *stored = &fetch->stored[kind];

		if ((fetch->want & 1U << kind) == 0 || stored->file[0] == '\0')
			continue;
		fetch->r = spool_read(spool, stored, &fetch->got[kind], &fetch->err);
		if (fetch->r == -EINPROGRESS)
			fetch->r = spool_fetch(spool, stored, &fetch->got[kind], &fetch->err);
	}
}

static void over(void *arg)
{
	struct fetch *fetch = arg;

	if (!fetch->queue->stopping)
		fetch->done(fetch->queue, fetch);
	fetch_free(fetch);
}

int fetch_start(struct queue *q, const struct job_id *id, uint64_t seq, uint32_t attempt,
	unsigned want, fetch_fn *done, const struct answer *answer, struct err *err)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	int r;

	if (fetch == NULL)
		return err_set(err, ENOMEM, "fetch");
	fetch->queue = q;
	fetch->id = *id;
	fetch->attempt = attempt;
	fetch->want = want;
	fetch->done = done;
	if (answer != NULL)
		fetch->answer = *answer;
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
		fetch->got[kind] = BLOB_EMPTY;
	r = store_blobs_get(q->store, seq, want, fetch->stored, err);
	if (r == 0)
		r = worker_post(q->worker, run, over, fetch, err);
	if (r < 0)
		fetch_free(fetch);
	return r;
}

int fetch_take(struct fetch *fetch, enum job_blob kind, struct blob *ret, struct err *err)
{
	struct store_blob *stored = &fetch->stored[kind];

	if (fetch->r < 0) {
		*err = fetch->err;
		return fetch->r;
	}
	if (stored->file[0] != '\0') {
		*ret = fetch->got[kind];
		fetch->got[kind] = BLOB_EMPTY;
	} else if (stored->bytes > 0) {
		*ret = (struct blob){
			.len = stored->bytes, .data = TAKE_PTR(stored->data), .fd = -1
		};
	}
	return 0;
}
