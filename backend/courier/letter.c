/* SPDX-License-Identifier: MIT */
#include "letter.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/hex.h"
#include "document/answer.h"

#define BLOCK    (64 * 1024)
#define ID_BYTES 16 /* of the hash: the id itself is what entitles to the job */

static int make_id(const struct job_id *job, char ret[static LETTER_ID_MAX], struct err *err)
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(job->b, sizeof(job->b), hash, NULL, EVP_sha256(), NULL) != 1)
		return err_set(err, EIO, "message id");
	(void)snprintf(ret, LETTER_ID_MAX, "msg_");
	hex_encode(hash, ID_BYTES, ret + 4);
	return 0;
}

static int write_body(const struct msg_job *job, struct json_stream **ret, struct err *err)
{
	cleanup_json struct json_text t = { 0 };
	int r;

	jt_open(&t, '{');
	jt_key(&t, "type");
	jt_str(&t, "job.done");
	jt_key(&t, "timestamp");
	jt_time(&t, job->finished_ms);
	jt_key(&t, "data");
	r = answer_job(&t, job, err);
	if (r < 0)
		return r;
	jt_close(&t, '}');
	if (t.failed)
		return err_set(err, ENOMEM, "body");
	return json_stream_open(&t, ret, err);
}

static int sign(
	const struct seal *seal, const struct msg_job *job, struct letter *letter, struct err *err)
{
	cleanup_free char *block = malloc(BLOCK);
	struct json_stream *body = NULL;
	struct signing *signing = NULL;
	ssize_t n = 1;
	int r = block == NULL ? err_set(err, ENOMEM, "body") : write_body(job, &body, err);

	if (r == 0)
		r = seal_begin(seal, letter->id, letter->timestamp, &signing, err);
	while (r == 0 && (n = json_stream_read(body, block, BLOCK)) > 0)
		seal_add(signing, block, (size_t)n);
	json_stream_close(body);
	if (signing == NULL)
		return r;
	r = seal_end(signing, letter->signature, err);
	return n < 0 ? err_set(err, (int)-n, "read the job's output") : r;
}

int letter_write(
	const struct seal *seal, const struct msg_job *job, struct letter *ret, struct err *err)
{
	struct letter letter = { .timestamp = time(NULL) };
	int r = make_id(&job->id, letter.id, err);

	if (r == 0)
		r = sign(seal, job, &letter, err);
	if (r == 0)
		r = write_body(job, &letter.body, err);
	if (r == 0)
		*ret = letter;
	return r;
}

void letter_done(struct letter *letter)
{
	json_stream_close(letter->body);
	letter->body = NULL;
}
