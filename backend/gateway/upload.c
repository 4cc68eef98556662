/* SPDX-License-Identifier: MIT */
#include "upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "common/cleanup.h"
#include "crowd.h"
#include "fingerprint.h"
#include "http.h"
#include "multipart.h"

#define SMALL_BYTES (64U * 1024) /* have room in any case */
#define KEEP_PARTS  4            /* of keep_bytes one is for uploads on their way */
#define SHARES      4

enum part { PART_JOB, PART_FILE, PART_STDIN };

struct upload {
	struct exchange *ex; /* borrowed: whose it is */
	struct multipart parser;
	struct request req;
	enum part part;
	char *filename;                  /* owned; of the part in progress */
	struct extent extent;            /* of its bytes so far */
	uint64_t n_part;                 /* how many they are */
	uint64_t spooled;                /* counted in the gateway's */
	bool has_job;                    /* the part `job`: in ex->body */
	struct fingerprint *fingerprint; /* owned; NULL: nobody asked */
};

/* ---- room ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Of all and of one address: two, and one, of the largest that are allowed fit in any case. */
static bool has_room(const struct upload *up, size_t n)
{
	const struct config *config = up->ex->gw->config;
	uint64_t largest = (uint64_t)config->body_multipart_max;
	uint64_t all = larger((uint64_t)config->keep_bytes / KEEP_PARTS, 2 * largest);

	return config->keep_bytes == 0 || up->spooled + n <= SMALL_BYTES ||
	       (up->ex->gw->upload_bytes + n <= all &&
		       crowd_held(up->ex->from, CROWD_DISK) + n <= larger(all / SHARES, largest));
}

static int take_room(struct upload *up, size_t n, struct err *err)
{
	if (!has_room(up, n))
		return err_say(err, ENOSPC, "too many large uploads at one time");
	up->spooled += n;
	up->ex->gw->upload_bytes += n;
	crowd_hold(up->ex->from, CROWD_DISK, n);
	return 0;
}

static void give_room_back(struct upload *up)
{
	crowd_give_back(up->ex->from, CROWD_DISK, up->spooled);
	up->ex->gw->upload_bytes -= up->spooled;
	up->spooled = 0;
}

/* ---- the parts ---- */

static int begin_job(struct upload *up, struct err *err)
{
	if (up->has_job)
		return err_say(err, EINVAL, "multipart: the part \"job\" came twice");
	up->has_job = true;
	up->part = PART_JOB;
	return 0;
}

static int begin_stdin(struct upload *up, struct err *err)
{
	if (up->req.spec.has_stdin)
		return err_say(err, EINVAL, "multipart: the part \"stdin\" came twice");
	up->req.spec.has_stdin = true;
	up->part = PART_STDIN;
	return 0;
}

static int on_begin(void *arg, const char *name, const char *filename, struct err *err)
{
	struct upload *up = arg;

	fingerprint_add_text(up->fingerprint, name);
	fingerprint_add_text(up->fingerprint, filename == NULL ? "" : filename);
	up->n_part = 0;
	up->extent = (struct extent){ up->req.input.len, 0 };
	if (strcmp(name, "job") == 0)
		return begin_job(up, err);
	if (strcmp(name, "stdin") == 0)
		return begin_stdin(up, err);
	if (filename == NULL)
		return err_say(err, EINVAL,
			"multipart: part \"%.64s\": expected \"job\", \"stdin\" or a part with a "
			"file name",
			name);
	up->part = PART_FILE;
	free(up->filename);
	up->filename = strdup(filename);
	return up->filename == NULL ? err_set(err, ENOMEM, "upload") : 0;
}

static int add_to_job(struct upload *up, const char *data, size_t n, struct err *err)
{
	int64_t most = up->ex->gw->config->body_json_max;

	if (up->ex->body_len + n > (uint64_t)most)
		return err_say(err, EMSGSIZE,
			"multipart: the part \"job\" is larger than %lld bytes", (long long)most);
	if (!body_keep(up->ex, data, n))
		return err_say(err, ENOMEM, BODY_NO_ROOM);
	return 0;
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
	struct upload *up = arg;
	struct extent here;
	int r;

	fingerprint_add(up->fingerprint, data, n);
	up->n_part += n;
	if (up->part == PART_JOB)
		return add_to_job(up, data, n, err);
	r = take_room(up, n, err);
	if (r == 0)
		r = input_add(&up->req.input, data, n, &here, err);
	if (r == 0)
		up->extent.len += n;
	return r;
}

static int on_end(void *arg, struct err *err)
{
	struct upload *up = arg;
	struct err why;
	int r;

	fingerprint_add(up->fingerprint, &up->n_part, sizeof(up->n_part));
	if (up->part == PART_STDIN)
		up->req.spec.stdin_ = up->extent;
	if (up->part != PART_FILE)
		return 0;
	r = request_add_file(&up->req, up->filename, &up->extent, false, &why);
	if (r < 0)
		return err_say(
			err, -r, "multipart: file name \"%.100s\": %.200s", up->filename, why.msg);
	return 0;
}

static const struct multipart_ops ops = { .begin = on_begin, .data = on_data, .end = on_end };

/* ---- the request ---- */

static void fail(struct exchange *ex, int r, const struct err *err)
{
	if (r == -EMSGSIZE)
		exchange_problem(ex, PROBLEM_TOO_LARGE, "%s", err->msg);
	else if (r == -EINVAL)
		exchange_problem(ex, PROBLEM_INVALID_REQUEST, "%s", err->msg);
	else
		exchange_unavailable(ex, 5, err->msg);
}

static void on_spool(struct exchange *ex, struct msg *msg)
{
	struct err err;

	if (msg->spool.file.fd < 0)
		exchange_problem(ex, PROBLEM_INTERNAL, "the queue gave no spool file");
	else if (input_into(&ex->upload->req.input, TAKE_FD(msg->spool.file.fd), &err) < 0)
		exchange_unavailable(ex, 1, err.msg);
	http_resume(ex);
}

void upload_begin(struct exchange *ex, const char *content_type, bool fingerprint)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	struct err err;
	struct msg msg;

	if (multipart_boundary(content_type, boundary, &err) < 0) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST, "%s", err.msg);
		return;
	}
	ex->upload = calloc(1, sizeof(*ex->upload));
	if (ex->upload == NULL) {
		exchange_unavailable(ex, 1, "no memory for the request");
		return;
	}
	ex->upload->ex = ex;
	multipart_init(&ex->upload->parser, boundary, &ops, ex->upload);
	request_init(&ex->upload->req);
	if (fingerprint && fingerprint_new("multipart", &ex->upload->fingerprint, &err) < 0) {
		exchange_unavailable(ex, 1, err.msg);
		return;
	}
	ex->body_kind = BODY_UPLOAD;
	ex->body_max = (uint64_t)ex->gw->config->body_multipart_max;
	msg_init(&msg, MSG_SPOOL_OPEN);
	msg.spool_open.kind = JOB_BLOB_INPUT;
	exchange_ask(ex, &msg, MSG_SPOOL, on_spool);
}

void upload_feed(struct exchange *ex, const char *data, size_t n)
{
	struct err err;
	int r = multipart_feed(&ex->upload->parser, data, n, &err);

	if (r < 0)
		fail(ex, r, &err);
}

int upload_finish(struct exchange *ex, struct request *req, struct err *err)
{
	struct upload *up = ex->upload;
	int r = multipart_finish(&up->parser, err);

	if (r < 0)
		return r;
	if (!up->has_job)
		return err_say(err, EINVAL, "multipart: the part \"job\" is missing");
	up->req.key = req->key;
	*req = up->req;
	request_init(&up->req);
	give_room_back(up);
	r = fingerprint_end(up->fingerprint, &req->fingerprint, err);
	if (r < 0)
		return r;
	return request_parse(ex->gw->config, ex->body == NULL ? "" : (const char *)ex->body,
		ex->body_len, req, err);
}

void upload_free(struct upload *up)
{
	if (up == NULL)
		return;
	give_room_back(up);
	request_done(&up->req);
	fingerprint_free(up->fingerprint);
	free(up->filename);
	free(up);
}
