/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "document/answer.h"
#include "driver/frames.h"
#include "scenario.h"
#include "wire/msg.h"
#include "wire/result.h"
#include "wire/spec.h"

#define LARGE 200000

static const int garbled[] = { EBADMSG, EPROTO, EPERM, EINVAL, 0 };
static uint8_t bytes[LARGE];

/* ---- records ---- */

static int fill_spec(struct spec *spec, struct err *err)
{
	spec_init(spec);
	spec->task = strdup("t");
	spec->files = calloc(1, sizeof(*spec->files));
	if (spec->task == NULL || spec->files == NULL)
		return err_set(err, ENOMEM, "spec");
	spec->n_files = 1;
	spec->files[0].name = strdup("a/b");
	if (spec->files[0].name == NULL)
		return err_set(err, ENOMEM, "spec");
	return strv_add(&spec->args, "one", err) < 0 || strv_add(&spec->labels, "l", err) < 0 ||
			       strv_add(&spec->labels, "v", err) < 0
		       ? -err->code
		       : 0;
}

static int spec_record(struct blob *ret, struct err *err)
{
	struct spec spec;
	int r = fill_spec(&spec, err);

	if (r == 0)
		r = spec_pack(&spec, ret, err);
	spec_done(&spec);
	return r;
}

static int fill_result(struct result *result, struct err *err)
{
	result_init(result);
	result->steps = calloc(1, sizeof(*result->steps));
	if (result->steps == NULL)
		return err_set(err, ENOMEM, "result");
	result->n_steps = 1;
	result->steps[0].finding.verdict = VERDICT_OK;
	result->steps[0].out.bytes = 5;
	result->files = calloc(1, sizeof(*result->files));
	if (result->files == NULL)
		return err_set(err, ENOMEM, "result");
	result->n_files = 1;
	result->files[0].name = strdup("made.png");
	result->files[0].bytes = 3;
	result->image = strdup("sha256:1");
	return result->files[0].name == NULL || result->image == NULL
		       ? err_set(err, ENOMEM, "result")
		       : 0;
}

static int result_record(struct blob *ret, struct err *err)
{
	struct result result;
	int r = fill_result(&result, err);

	if (r == 0)
		r = result_pack(&result, ret, err);
	result_done(&result);
	return r;
}

static int spec_both_ways(struct err *err)
{
	cleanup_blob struct blob blob = BLOB_EMPTY;
	struct spec back = { 0 };
	int r = spec_record(&blob, err);

	if (r == 0)
		r = spec_unpack(blob.data, blob.len, 0, &back, err);
	if (r < 0)
		return r;
	WANT(back.files != NULL && strcmp(back.files[0].name, "a/b") == 0);
	WANT(back.args.n == 1 && back.labels.n == 2);
	spec_done(&back);
	return 0;
}

static int result_both_ways(struct err *err)
{
	cleanup_blob struct blob blob = BLOB_EMPTY;
	struct result back = { 0 };
	int r = result_record(&blob, err);

	if (r == 0)
		r = result_unpack(blob.data, blob.len, 5, 0, 3, &back, err);
	if (r < 0)
		return r;
	WANT(back.n_steps == 1 && back.steps[0].out.bytes == 5 && back.n_files == 1);
	WANT(back.files != NULL && strcmp(back.files[0].name, "made.png") == 0);
	WANT(back.image != NULL && strcmp(back.image, "sha256:1") == 0);
	result_done(&back);
	return 0;
}

/* ---- a job's document ---- */

static int fill_job(struct msg *msg, size_t out_bytes, struct err *err)
{
	int r;

	msg_init(msg, MSG_JOB);
	msg->job.state = JOB_DONE;
	msg->job.verdict = VERDICT_OK;
	msg->job.out_bytes = out_bytes;
	msg->job.files_bytes = 3;
	(void)snprintf(msg->job.task, sizeof(msg->job.task), "t");
	r = blob_of(bytes, out_bytes, &msg->job.out, err);
	if (r == 0)
		r = blob_of(bytes, 3, &msg->job.files, err);
	if (r == 0)
		r = spec_record(&msg->job.spec, err);
	return r == 0 ? result_record(&msg->job.result, err) : r;
}

static int write_document(struct err *err)
{
	cleanup_msg struct msg msg;
	cleanup_json struct json_text text = { 0 };
	int r = fill_job(&msg, 5, err);

	if (r == 0)
		r = answer_job(&text, &msg.job, err);
	if (r == 0 && text.failed)
		return err_set(err, ENOMEM, "document");
	if (r == 0)
		WANT(memmem(text.buf, text.len, "made.png", 8) != NULL);
	return r;
}

/* ---- messages ---- */

static int recode(const struct msg *msg, struct msg *ret, struct err *err)
{
	static uint8_t buf[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	int r = msg_encode(msg, buf, &len, fds, &nfds, &made, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < nfds; i++)
		if ((made & 1U << i) == 0)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	return msg_decode(buf, len, fds, nfds, ROLE_QUEUE, ROLE_GATEWAY, ret, err);
}

static int say(size_t out_bytes, struct err *err)
{
	cleanup_msg struct msg msg;
	struct msg back = { 0 };
	cleanup_free uint8_t *data = NULL;
	int r = fill_job(&msg, out_bytes, err);

	if (r == 0)
		r = recode(&msg, &back, err);
	if (r < 0)
		return r;
	WANT(back.job.out.len == out_bytes && back.job.verdict == VERDICT_OK);
	r = blob_read_all(&back.job.out, out_bytes, &data, err);
	WANT(r < 0 || memcmp(data, bytes, out_bytes) == 0);
	msg_done(&back);
	return r;
}

static int say_small(struct err *err)
{
	return say(100, err);
}

static int say_large(struct err *err)
{
	return say(LARGE, err);
}

/* ---- frames ---- */

static int take_bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	WANT(type == FRAME_STDOUT && data != NULL);
	*(size_t *)arg += n;
	return 0;
}

static int take_frame(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	(void)arg;
	WANT(type == FRAME_FAULT && n == 5 && memcmp(payload, "hello", 5) == 0);
	return 0;
}

static int feed(struct evbuffer *buffer, struct frames *frames, struct err *err)
{
	static const struct frames_ops ops = { take_bulk, take_frame };
	uint8_t piece[7];
	size_t got = 0;

	if (frames_put(buffer, FRAME_STDOUT, bytes, 1000) < 0 ||
		frames_put(buffer, FRAME_FAULT, "hello", 5) < 0)
		return err_set(err, ENOMEM, "frame");
	for (int n; (n = evbuffer_remove(buffer, piece, sizeof(piece))) > 0;) {
		int r = frames_feed(frames, piece, (size_t)n, &ops, &got, err);

		if (r < 0)
			return r;
	}
	WANT(got == 1000);
	return 0;
}

static int stream_frames(struct err *err)
{
	struct evbuffer *buffer = evbuffer_new();
	struct frames frames = { 0 };
	int r = buffer == NULL ? err_set(err, ENOMEM, "buffer") : feed(buffer, &frames, err);

	frames_done(&frames);
	if (buffer != NULL)
		evbuffer_free(buffer);
	return r;
}

const struct scenario wire_scenarios[] = { { "spec", NULL, spec_both_ways, garbled },
	{ "result", NULL, result_both_ways, garbled },
	{ "document", NULL, write_document, garbled },
	{ "message-small", NULL, say_small, garbled },
	{ "message-large", NULL, say_large, garbled }, { "frames", NULL, stream_frames, garbled },
	{ 0 } };
