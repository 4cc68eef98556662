/* SPDX-License-Identifier: MIT */
#include "result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "pack.h"
#include "spec.h"

#define NAME_BYTES 4096
#define TEXT_BYTES 4096

void result_init(struct result *result)
{
	*result = (struct result){
		.finding = { .verdict = VERDICT_MAX_, .limit = LIMIT_MAX_ },
	};
}

static void step_done(struct step_result *step)
{
	free(step->name);
	free(step->note);
	free(step->checker_message);
}

void result_done(struct result *result)
{
	free(result->error);
	free(result->image);
	for (size_t i = 0; i < result->n_steps; i++)
		step_done(&result->steps[i]);
	free(result->steps);
	for (size_t i = 0; i < result->n_files; i++)
		free(result->files[i].name);
	free(result->files);
	for (size_t i = 0; i < result->n_skipped; i++) {
		free(result->skipped[i].name);
		free(result->skipped[i].reason);
	}
	free(result->skipped);
	result_init(result);
}

static void pack_opt(struct packer *p, const char *text)
{
	pack_u8(p, text != NULL);
	pack_str(p, text);
}

static void pack_finding(struct packer *p, const struct finding *f)
{
	pack_u8(p, (uint8_t)f->verdict);
	pack_u8(p, (uint8_t)f->limit);
	pack_i64(p, f->configured);
	pack_i64(p, f->measured);
	pack_u32(p, f->limits_hit);
}

static void pack_stream(struct packer *p, const struct stream_result *s)
{
	pack_u64(p, s->offset);
	pack_u64(p, s->bytes);
	pack_u64(p, s->cut);
}

static void pack_step(struct packer *p, const struct step_result *s)
{
	pack_u8(p, s->build);
	pack_opt(p, s->name);
	pack_finding(p, &s->finding);
	pack_u32(p, (uint32_t)s->exit_code);
	pack_u8(p, (uint8_t)s->signal);
	pack_i64(p, s->wall_us);
	pack_i64(p, s->cpu_us);
	pack_i64(p, s->memory_peak_bytes);
	pack_i64(p, s->processes_peak);
	pack_stream(p, &s->out);
	pack_stream(p, &s->err);
	pack_opt(p, s->note);
}

/* What version 2 added. */
static void pack_step_more(struct packer *p, const struct step_result *s)
{
	pack_u8(p, s->cached);
	pack_opt(p, s->checker_message);
}

int result_pack(const struct result *result, struct blob *ret, struct err *err)
{
	struct packer p = packer_growing();

	pack_u16(&p, RESULT_VERSION);
	pack_finding(&p, &result->finding);
	pack_u32(&p, (uint32_t)result->deciding);
	pack_opt(&p, result->error);
	pack_opt(&p, result->image);
	pack_u8(&p, (uint8_t)result->isolation);
	pack_u32(&p, (uint32_t)result->n_steps);
	for (size_t i = 0; i < result->n_steps; i++)
		pack_step(&p, &result->steps[i]);
	pack_u32(&p, (uint32_t)result->n_files);
	for (size_t i = 0; i < result->n_files; i++) {
		pack_str(&p, result->files[i].name);
		pack_u64(&p, result->files[i].offset);
		pack_u64(&p, result->files[i].bytes);
		pack_raw(&p, result->files[i].sha256, sizeof(result->files[i].sha256));
	}
	pack_u32(&p, (uint32_t)result->n_skipped);
	for (size_t i = 0; i < result->n_skipped; i++) {
		pack_str(&p, result->skipped[i].name);
		pack_str(&p, result->skipped[i].reason);
	}
	for (size_t i = 0; i < result->n_steps; i++)
		pack_step_more(&p, &result->steps[i]);
	if (p.failed || p.len > RESULT_BYTES_MAX) {
		bool memory = p.failed;

		packer_done(&p);
		return err_set(err, memory ? ENOMEM : EMSGSIZE, "record of a result");
	}
	*ret = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	return 0;
}

/* Lengths of the blobs that a record's extents must lie within. */
struct bounds {
	uint64_t out, err, files;
};

static char *unpack_opt(struct unpacker *u, size_t max)
{
	uint8_t has = unpack_u8(u);
	cleanup_free char *text = unpack_strdup(u, max);

	if (has > 1)
		u->failed = true;
	return has == 1 ? TAKE_PTR(text) : NULL;
}

/* A number of the enum's range, `max` itself included. */
static uint8_t unpack_enum(struct unpacker *u, uint8_t max)
{
	uint8_t v = unpack_u8(u);

	if (v > max) {
		u->failed = true;
		return max;
	}
	return v;
}

static void unpack_finding(struct unpacker *u, struct finding *ret)
{
	ret->verdict = (enum verdict)unpack_enum(u, VERDICT_MAX_);
	ret->limit = (enum limit)unpack_enum(u, LIMIT_MAX_);
	ret->configured = unpack_i64(u);
	ret->measured = unpack_i64(u);
	ret->limits_hit = unpack_u32(u);
	if (ret->limits_hit >> LIMIT_MAX_ != 0)
		u->failed = true;
}

static void unpack_within(
	struct unpacker *u, uint64_t total, uint64_t *ret_offset, uint64_t *ret_len)
{
	*ret_offset = unpack_u64(u);
	*ret_len = unpack_u64(u);
	if (*ret_offset > total || *ret_len > total - *ret_offset)
		u->failed = true;
}

static void unpack_step(
	struct unpacker *u, uint64_t out_bytes, uint64_t err_bytes, struct step_result *ret)
{
	ret->build = unpack_enum(u, 1) == 1;
	ret->name = unpack_opt(u, 255);
	unpack_finding(u, &ret->finding);
	ret->exit_code = (int)unpack_u32(u);
	ret->signal = unpack_u8(u);
	ret->wall_us = unpack_i64(u);
	ret->cpu_us = unpack_i64(u);
	ret->memory_peak_bytes = unpack_i64(u);
	ret->processes_peak = unpack_i64(u);
	unpack_within(u, out_bytes, &ret->out.offset, &ret->out.bytes);
	ret->out.cut = unpack_u64(u);
	unpack_within(u, err_bytes, &ret->err.offset, &ret->err.bytes);
	ret->err.cut = unpack_u64(u);
	ret->note = unpack_opt(u, TEXT_BYTES);
}

static void unpack_step_more(struct unpacker *u, struct step_result *ret)
{
	ret->cached = unpack_enum(u, 1) == 1;
	ret->checker_message = unpack_opt(u, CHECKER_MESSAGE_MAX);
}

/* A zeroed array for a count that is within `max` and what the bytes left can hold. */
static void *unpack_array(struct unpacker *u, size_t max, size_t each, size_t size, size_t *ret_n)
{
	size_t n = unpack_u32(u);
	void *array;

	*ret_n = 0;
	if (u->failed || n > max || n > u->left / each) {
		u->failed = true;
		return NULL;
	}
	if (n == 0)
		return NULL;
	array = calloc(n, size);
	if (array == NULL)
		unpack_no_memory(u);
	else
		*ret_n = n;
	return array;
}

static void unpack_all(struct unpacker *u, const struct bounds *b, struct result *ret)
{
	uint16_t version = unpack_u16(u);

	if (version < RESULT_VERSION_OLDEST || version > RESULT_VERSION)
		u->failed = true;
	unpack_finding(u, &ret->finding);
	ret->deciding = unpack_u32(u);
	ret->error = unpack_opt(u, TEXT_BYTES);
	ret->image = unpack_opt(u, 255);
	ret->isolation = (enum isolation)unpack_enum(u, ISOLATION_MAX_ - 1);
	ret->steps = unpack_array(u, SPEC_CASES_MAX + 1, 64, sizeof(*ret->steps), &ret->n_steps);
	for (size_t i = 0; i < ret->n_steps && !u->failed; i++)
		unpack_step(u, b->out, b->err, &ret->steps[i]);
	ret->files = unpack_array(u, RESULT_FILES_MAX, 52, sizeof(*ret->files), &ret->n_files);
	for (size_t i = 0; i < ret->n_files && !u->failed; i++) {
		const uint8_t *sha;

		ret->files[i].name = unpack_strdup(u, NAME_BYTES);
		unpack_within(u, b->files, &ret->files[i].offset, &ret->files[i].bytes);
		sha = unpack_raw(u, sizeof(ret->files[i].sha256));
		if (sha != NULL)
			memcpy(ret->files[i].sha256, sha, sizeof(ret->files[i].sha256));
	}
	ret->skipped = unpack_array(u, RESULT_FILES_MAX, 8, sizeof(*ret->skipped), &ret->n_skipped);
	for (size_t i = 0; i < ret->n_skipped && !u->failed; i++) {
		ret->skipped[i].name = unpack_strdup(u, NAME_BYTES);
		ret->skipped[i].reason = unpack_strdup(u, TEXT_BYTES);
	}
	for (size_t i = 0; version >= 2 && i < ret->n_steps && !u->failed; i++)
		unpack_step_more(u, &ret->steps[i]);
	if (ret->n_steps > 0 && ret->deciding >= ret->n_steps)
		u->failed = true;
}

int result_unpack(const void *data, size_t n, uint64_t out_bytes, uint64_t err_bytes,
	uint64_t files_bytes, struct result *ret, struct err *err)
{
	struct unpacker u = unpacker_of(data, n);
	const struct bounds b = { out_bytes, err_bytes, files_bytes };
	struct result result;

	if (n > RESULT_BYTES_MAX)
		return err_say(err, EBADMSG, "record of a result: %zu bytes", n);
	result_init(&result);
	unpack_all(&u, &b, &result);
	if (!unpack_end(&u)) {
		result_done(&result);
		if (u.no_memory)
			return err_set(err, ENOMEM, "record of a result");
		return err_say(err, EBADMSG, "record of a result: damaged, or of another version");
	}
	*ret = result;
	return 0;
}
