/* SPDX-License-Identifier: MIT */
#include "pending.h"

#include <stdlib.h>

#include "jobs.h"

void pending_init(struct pending_set *set)
{
	*set = (struct pending_set){ 0 };
	STAILQ_INIT(&set->list);
}

static struct pending *add(struct pending_set *set, const struct job_id *id)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->id = *id;
	p->write.row = &p->row;
	STAILQ_INSERT_TAIL(&set->list, p, next);
	HASH_ADD(hh, set->by_id, id, sizeof(p->id), p);
	return p;
}

struct pending *pending_insert(
	struct pending_set *set, struct store_job *row, struct store_blob *blobs)
{
	struct pending *p = add(set, &row->id);

	if (p == NULL)
		return NULL;
	row->seq = set->next_seq++;
	row->state = JOB_QUEUED;
	row->verdict = VERDICT_MAX_;
	row->bytes = store_blobs_bytes(blobs);
	p->row = *row;
	p->write.insert = true;
	p->write.events = 1U << STORE_EVENT_QUEUED;
	p->write.blobs = p->blobs;
	for (int kind = 0; kind < JOB_BLOB_MAX_; kind++) {
		p->blobs[kind] = blobs[kind];
		blobs[kind].data = NULL;
	}
	return p;
}

static void as_it_stands(struct pending *p, const struct job *job)
{
	p->write = (struct store_write){
		.from = job->state, .from_attempt = job->attempt, .row = &p->row
	};
	p->row.id = job->id;
	p->row.seq = job->seq;
	p->row.state = job->state;
	p->row.verdict = VERDICT_MAX_;
	p->row.attempt = job->attempt;
	p->row.failures = job->failures;
	p->row.driver = job->driver;
	p->row.lease_until_age_ms = job->lease_until_age_ms;
	p->row.bytes = job->bytes;
	p->written = false;
}

struct pending *pending_of(struct pending_set *set, const struct job *job)
{
	struct pending *p = pending_find(set, &job->id);

	if (p != NULL && !p->written)
		return p;
	if (p == NULL)
		p = add(set, &job->id);
	if (p != NULL)
		as_it_stands(p, job);
	return p;
}

struct pending *pending_find(const struct pending_set *set, const struct job_id *id)
{
	struct pending *p;

	HASH_FIND(hh, set->by_id, id, sizeof(*id), p);
	return p;
}

int pending_write(struct pending_set *set, struct store *store, struct err *err)
{
	struct pending *p;

	STAILQ_FOREACH (p, &set->list, next) {
		int r = p->written ? 0 : store_job_write(store, &p->write, err);

		if (r < 0)
			return r;
		p->written = true;
	}
	return 0;
}

struct pendings pending_take(struct pending_set *set)
{
	struct pendings list = STAILQ_HEAD_INITIALIZER(list);

	HASH_CLEAR(hh, set->by_id);
	STAILQ_CONCAT(&list, &set->list);
	return list;
}

void pending_free_all(struct pendings *list)
{
	struct pending *p;

	while ((p = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		for (int kind = 0; kind < JOB_BLOB_MAX_; kind++)
			store_blob_done(&p->blobs[kind]);
		free(p);
	}
}
