/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define SINK_EMPTY ((struct sink){ .pour = POUR_NONE })

static bool has_file(const struct sink *sink)
{
	return sink->pour.fd >= 0;
}

void gather_init(struct gather *gather)
{
	for (size_t i = 0; i < GATHER_MAX_; i++)
		gather->sinks[i] = SINK_EMPTY;
}

void gather_done(struct gather *gather)
{
	for (size_t i = 0; i < GATHER_MAX_; i++) {
		free(gather->sinks[i].memory);
		pour_done(&gather->sinks[i].pour);
	}
	gather_init(gather);
}

enum job_blob gather_kind(enum gather_sink sink)
{
	static const enum job_blob kinds[GATHER_MAX_] = { [GATHER_OUT] = JOB_BLOB_OUT,
		[GATHER_ERR] = JOB_BLOB_ERR,
		[GATHER_FILES] = JOB_BLOB_FILES };

	return kinds[sink];
}

static int remember(struct sink *sink, const void *data, size_t n, struct err *err)
{
	if (n == 0)
		return 0;
	if (n > sink->cap - sink->len) {
		size_t cap = sink->cap < 1024 ? 1024 : sink->cap;
		uint8_t *memory;

		while (cap - sink->len < n)
			cap *= 2;
		memory = realloc(sink->memory, cap);
		if (memory == NULL)
			return err_set(err, ENOMEM, "output");
		sink->memory = memory;
		sink->cap = cap;
	}
	memcpy(sink->memory + sink->len, data, n);
	sink->len += n;
	return 0;
}

int gather_add(struct gather *gather, enum gather_sink which, const void *data, size_t n,
	bool *ret_ask, struct err *err)
{
	struct sink *sink = &gather->sinks[which];
	int r;

	r = has_file(sink) ? pour_add(&sink->pour, data, n, err) : remember(sink, data, n, err);
	if (r < 0)
		return r;
	sink->total += n;
	*ret_ask = !has_file(sink) && !sink->asked && sink->len > BLOB_INLINE_MAX;
	sink->asked = sink->asked || *ret_ask;
	return 0;
}

bool gather_want_file(struct gather *gather, enum gather_sink which)
{
	struct sink *sink = &gather->sinks[which];

	if (has_file(sink) || sink->asked)
		return false;
	sink->asked = true;
	return true;
}

bool gather_do_without(struct gather *gather, enum gather_sink which)
{
	struct sink *sink = &gather->sinks[which];

	if (has_file(sink) || !sink->asked || sink->len > BLOB_INLINE_MAX)
		return false;
	sink->asked = false;
	return true;
}

int gather_shown(struct gather *gather, enum gather_sink which, int *ret_fd, struct err *err)
{
	struct sink *sink = &gather->sinks[which];
	int r = has_file(sink) ? pour_flush(&sink->pour, err) : 0;

	if (r == 0)
		*ret_fd = sink->pour.fd;
	return r;
}

bool gather_has_file(const struct gather *gather, enum gather_sink which)
{
	return has_file(&gather->sinks[which]);
}

int gather_give(struct gather *gather, enum gather_sink which, int fd, struct err *err)
{
	struct sink *sink = &gather->sinks[which];
	int r;

	assert(!has_file(sink));
	r = pour_begin(&sink->pour, fd, err);
	if (r == 0)
		r = pour_add(&sink->pour, sink->memory, sink->len, err);
	free(sink->memory);
	sink->memory = NULL;
	sink->len = sink->cap = 0;
	return r;
}

static bool waits(const struct sink *sink)
{
	return sink->asked && !has_file(sink);
}

size_t gather_waiting(const struct gather *gather)
{
	size_t n = 0;

	for (size_t i = 0; i < GATHER_MAX_; i++)
		n += waits(&gather->sinks[i]) ? gather->sinks[i].len : 0;
	return n;
}

bool gather_is_settled(const struct gather *gather)
{
	for (size_t i = 0; i < GATHER_MAX_; i++)
		if (waits(&gather->sinks[i]))
			return false;
	return true;
}

int gather_read(const struct gather *gather, enum gather_sink which, uint64_t offset, void *ret,
	size_t n, struct err *err)
{
	const struct sink *sink = &gather->sinks[which];

	if (offset > sink->total || n > sink->total - offset)
		return err_set(err, ERANGE, "output");
	if (has_file(sink))
		return pour_read(&sink->pour, offset, ret, n, err);
	if (n > 0) /* there may be no memory */
		memcpy(ret, sink->memory + offset, n);
	return 0;
}

uint64_t gather_total(const struct gather *gather, enum gather_sink which)
{
	return gather->sinks[which].total;
}

/* A small one got a file for its readers' sake: the record takes the bytes. */
static int take_back(struct sink *sink, struct blob *ret, struct err *err)
{
	cleanup_blob struct blob file = BLOB_EMPTY;
	int r = pour_take(&sink->pour, &file, err);

	if (r == 0 && file.len > 0 && file.len <= BLOB_INLINE_MAX) {
		uint8_t *data;

		r = blob_read_all(&file, BLOB_INLINE_MAX, &data, err);
		if (r == 0)
			*ret = (struct blob){ .len = file.len, .data = data, .fd = -1 };
		return r;
	}
	if (r == 0) {
		*ret = file;
		file = BLOB_EMPTY;
	}
	return r;
}

int gather_take(struct gather *gather, enum gather_sink which, struct blob *ret, struct err *err)
{
	struct sink *sink = &gather->sinks[which];
	int r = 0;

	assert(!waits(sink));
	if (has_file(sink))
		r = take_back(sink, ret, err);
	else
		*ret = (struct blob){ .len = sink->len,
			.data = sink->len > 0 ? TAKE_PTR(sink->memory) : NULL,
			.fd = -1 };
	free(sink->memory);
	*sink = SINK_EMPTY;
	return r;
}
