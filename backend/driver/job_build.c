/* SPDX-License-Identifier: MIT */
/*
 * A build whose result is kept (build_cache.h). Before a job's files go in, its build is looked
 * for: where it is known, what it left goes in as the job's files, and the first case follows.
 * Else it is run, and when it has ended well the agent's collector makes a copy of the
 * workspace: nothing of the job runs then, and what the copy could not bring back as it was
 * (links, devices, empty directories, too much) is a reason not to keep it.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "job_internal.h"

#define KEY_VERSION 1
#define INPUT_MAX   (64 * MIB)    /* files of a request that are looked at for the key */
#define OUTPUT_MAX  (1024 * 1024) /* what a build that is kept may print, each stream */
#define COPY_MS     120000
#define CHUNK       65536

/* ---- the key: all that the build hangs on ---- */

static void hash_u64(EVP_MD_CTX *md, uint64_t v)
{
	uint8_t b[8];
	struct packer p = packer_fixed(b, sizeof(b));

	pack_u64(&p, v);
	(void)EVP_DigestUpdate(md, b, sizeof(b));
}

static void hash_str(EVP_MD_CTX *md, const char *text)
{
	hash_u64(md, strlen(text));
	(void)EVP_DigestUpdate(md, text, strlen(text));
}

static void hash_strv(EVP_MD_CTX *md, const struct strv *sv)
{
	hash_u64(md, sv->n);
	for (size_t i = 0; i < sv->n; i++)
		hash_str(md, sv->v[i]);
}

static int hash_file(
	EVP_MD_CTX *md, const struct job *job, const struct spec_file *file, struct err *err)
{
	uint8_t chunk[CHUNK];
	uint64_t at = 0;
	int r = 0;

	hash_str(md, file->name);
	hash_u64(md, file->executable);
	hash_u64(md, file->data.len);
	while (r == 0 && at < file->data.len) {
		uint64_t left = file->data.len - at;
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		r = blob_read(&job->input, file->data.offset + at, chunk, n, err);
		if (r == 0 && EVP_DigestUpdate(md, chunk, n) != 1)
			r = err_set(err, EIO, "hash");
		at += n;
	}
	return r;
}

static int hash_all(EVP_MD_CTX *md, const struct job *job, struct err *err)
{
	const struct task *task = job->plan->task;
	struct plan_words words;
	int r;

	/* Each job's own, and nothing that a build depends on. */
	job->plan->trace[0] = '\0';
	r = plan_words(job->plan, 0, &words, err);
	memcpy(job->plan->trace, job->trace, sizeof(job->plan->trace));
	hash_u64(md, KEY_VERSION);
	hash_u64(md, job->jobs->host.config->generation);
	hash_str(md, task->name);
	hash_u64(md, task->build_cache);
	hash_str(md, task->build_cache == BUILD_CACHE_CLIENT ? job->client : "");
	hash_str(md, job->image_id);
	hash_strv(md, &words.argv);
	hash_strv(md, &words.env);
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		hash_u64(md, (uint64_t)job->plan->steps[0].limits.v[i]);
	hash_u64(md, job->spec.n_files);
	for (size_t i = 0; r == 0 && i < job->spec.n_files; i++)
		r = hash_file(md, job, &job->spec.files[i], err);
	plan_words_done(&words);
	return r;
}

static int make_key(const struct job *job, struct build_key *ret, struct err *err)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned n = sizeof(ret->b);
	int r;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		r = err_set(err, ENOMEM, "hash");
	else
		r = hash_all(md, job, err);
	if (r == 0 && EVP_DigestFinal_ex(md, ret->b, &n) != 1)
		r = err_set(err, EIO, "hash");
	EVP_MD_CTX_free(md);
	return r;
}

static bool may_be_kept(const struct job *job)
{
	return job->plan->task->build_cache != BUILD_CACHE_OFF && job->plan->steps[0].build &&
	       job->jobs->host.builds != NULL && job->input.len <= INPUT_MAX;
}

/* ---- a build that is known ---- */

static int take_known(struct job *job, struct err *err)
{
	const struct build_entry *entry = &job->build->entry;
	const struct step_result *step = &entry->result.steps[0];
	cleanup_free uint8_t *out = malloc(step->out.bytes + 1);
	cleanup_free uint8_t *err_out = malloc(step->err.bytes + 1);
	int r = out == NULL || err_out == NULL ? err_set(err, ENOMEM, "build cache") : 0;

	if (r == 0)
		r = blob_read(&entry->blob, step->out.offset, out, (size_t)step->out.bytes, err);
	if (r == 0)
		r = blob_read(
			&entry->blob, step->err.offset, err_out, (size_t)step->err.bytes, err);
	if (r < 0)
		return r;
	if (job_take_known(job, step, out, err_out) < 0)
		return err_set(err, ENOMEM, "build cache");
	job->files = entry->files;
	job->n_files = entry->n_files;
	job->files_in = &entry->blob;
	job->step = job->first_step = 1;
	return 0;
}

int job_build_begin(struct job *job)
{
	struct err err;

	if (!may_be_kept(job))
		return 0;
	job->build = calloc(1, sizeof(*job->build));
	if (job->build == NULL)
		return -ENOMEM;
	if (make_key(job, &job->build->key, &err) < 0) {
		log_warning("job=%.12s its build is not looked for: %s", job->text, err.msg);
		free(job->build);
		job->build = NULL;
		return 0;
	}
	job->build->known =
		build_cache_get(job->jobs->host.builds, &job->build->key, &job->build->entry);
	if (!job->build->known)
		return 0;
	if (take_known(job, &err) == 0)
		return 0;
	job_give_back(job, GIVEBACK_ENGINE, err.msg);
	return -ECANCELED;
}

void job_build_free(struct job *job)
{
	if (job->build == NULL)
		return;
	build_writer_drop(job->build->writer);
	if (job->build->known)
		build_entry_done(&job->build->entry);
	free(job->build);
	job->build = NULL;
}

/* ---- a build that is to be kept ---- */

static void do_not_keep(struct job *job, const char *why)
{
	log_debug("job=%.12s its build is not kept: %s", job->text, why);
	build_writer_drop(job->build->writer);
	job->build->writer = NULL;
}

bool job_build_save(struct job *job)
{
	const struct step_result *step = &job->result.steps[job->result.n_steps - 1];
	struct builds *cache = job->jobs->host.builds;
	struct err err;

	if (job->build == NULL || job->build->known || !step->build ||
		step->finding.verdict != VERDICT_OK || step->finding.limits_hit != 0 ||
		step->out.bytes > OUTPUT_MAX || step->err.bytes > OUTPUT_MAX)
		return false;
	if (build_writer_new(cache, &job->build->key, &job->build->writer, &err) < 0) {
		log_warning("job=%.12s its build is not kept: %s", job->text, err.msg);
		return false;
	}
	job_move(job, PHASE_SAVING);
	job_arm(job, COPY_MS);
	job_feed_copy(job, build_cache_entry_max(cache));
	return true;
}

int job_build_data(struct job *job, const uint8_t *data, size_t n)
{
	struct err err;

	if (job->build->writer != NULL && build_writer_add(job->build->writer, data, n, &err) < 0)
		do_not_keep(job, err.msg);
	return 0;
}

static int on_file(struct job *job, struct unpacker *u)
{
	cleanup_free char *name = unpack_strdup(u, FRAME_NAME_MAX);
	uint64_t bytes = unpack_u64(u);
	uint8_t executable = unpack_u8(u);
	struct err err;

	if (u->no_memory)
		return -ENOMEM;
	if (!unpack_end(u) || name == NULL || executable > 1)
		return -EPROTO;
	if (job->build->writer != NULL &&
		build_writer_file(job->build->writer, name, bytes, executable == 1, &err) < 0)
		do_not_keep(job, err.msg);
	return 0;
}

static void keep(struct job *job)
{
	const struct step_result *step = &job->result.steps[job->result.n_steps - 1];
	cleanup_free uint8_t *out = malloc(step->out.bytes + 1);
	cleanup_free uint8_t *err_out = malloc(step->err.bytes + 1);
	struct build_writer *writer = TAKE_PTR(job->build->writer);
	struct err err;
	int r = 0;

	if (writer == NULL)
		return;
	if (out == NULL || err_out == NULL)
		r = err_set(&err, ENOMEM, "build cache");
	if (r == 0)
		r = gather_read(&job->gather, GATHER_OUT, step->out.offset, out,
			(size_t)step->out.bytes, &err);
	if (r == 0)
		r = gather_read(&job->gather, GATHER_ERR, step->err.offset, err_out,
			(size_t)step->err.bytes, &err);
	if (r < 0)
		build_writer_drop(writer);
	else
		r = build_writer_keep(writer, step, out, err_out, &err);
	if (r < 0)
		log_warning("job=%.12s its build is not kept: %s", job->text, err.msg);
}

int job_build_frame(struct job *job, enum frame_type type, struct unpacker *u)
{
	const uint8_t *nonce;

	if (type == FRAME_GOT_FILE)
		return on_file(job, u);
	if (type == FRAME_SKIPPED) {
		do_not_keep(job, "there is more than regular files");
		return 0;
	}
	nonce = type == FRAME_COLLECTED ? unpack_raw(u, FRAME_NONCE_BYTES) : NULL;
	if (nonce == NULL || CRYPTO_memcmp(nonce, job->nonce, FRAME_NONCE_BYTES) != 0)
		return -EPROTO;
	keep(job);
	job_next_step(job);
	return 0;
}
