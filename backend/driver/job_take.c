/* SPDX-License-Identifier: MIT */
/* What comes out of a job's container: output, records of steps, files, the end. Every field is
 * checked. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "job_internal.h"

#define SKIPPED_MAX 2000

static int garbled(struct job *job, const char *what)
{
	char why[200];

	(void)snprintf(why, sizeof(why), "the agent's %s is not what it should be", what);
	job_give_back(job, GIVEBACK_ENGINE, why);
	return -EPROTO;
}

/* ---- output ---- */

void job_hold(struct job *job, bool hold)
{
	if (job->phase == PHASE_AUTOPSY)
		return; /* what comes now is nobody's word */
	if (hold && job->held_since_us == 0) {
		job->held_since_us = clock_us();
	} else if (!hold && job->held_since_us != 0) {
		job->held_us += clock_us() - job->held_since_us;
		job->held_since_us = 0;
	}
	attach_pause(job->box->attach, hold);
}

void job_ask_spool(struct job *job, enum gather_sink sink)
{
	struct msg msg;

	msg_init(&msg, MSG_SPOOL_OPEN);
	job->spool_token[sink] = ++job->jobs->token;
	msg.spool_open.token = job->spool_token[sink];
	msg.spool_open.id = job->id;
	msg.spool_open.attempt = job->attempt;
	msg.spool_open.kind = (uint8_t)gather_kind(sink);
	queue_link_tell(job->jobs->host.link, &msg);
}

static int keep(struct job *job, enum gather_sink sink, const uint8_t *data, size_t n)
{
	struct err err;
	bool ask;

	if (gather_add(&job->gather, sink, data, n, &ask, &err) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
		return -err.code;
	}
	if (ask)
		job_ask_spool(job, sink);
	if (gather_waiting(&job->gather) > GATHER_PAUSE)
		job_hold(job, true);
	job_tap_news(job);
	return 0;
}

static int take_output(struct job *job, bool is_err, const uint8_t *data, size_t n)
{
	enum gather_sink sink = is_err ? GATHER_ERR : GATHER_OUT;
	const struct plan_step *step = &job->plan->steps[job->step];
	uint64_t have = gather_total(&job->gather, sink) - job->step_offset[is_err];

	if (job->phase != PHASE_STEPPING || have + n > (uint64_t)step->limits.v[LIMIT_OUTPUT])
		return garbled(job, "output");
	if (!is_err && job->comparing)
		compare_feed(job->compare, data, n);
	return keep(job, sink, data, n);
}

static int take_file_bytes(struct job *job, const uint8_t *data, size_t n)
{
	if (job->phase != PHASE_COLLECTING || !job->file_coming || n > job->file_left)
		return garbled(job, "file");
	job->file_left -= n;
	if (EVP_DigestUpdate(job->sha, data, n) != 1)
		return garbled(job, "file");
	return keep(job, GATHER_FILES, data, n);
}

static int on_bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	struct job *job = arg;

	if (type == FRAME_GOT_DATA && job->phase == PHASE_SAVING)
		return job_build_data(job, data, n);
	if (type == FRAME_GOT_DATA)
		return take_file_bytes(job, data, n);
	return take_output(job, type == FRAME_STDERR, data, n);
}

/* ---- steps ---- */

void job_evidence_so_far(const struct job *job, struct evidence *ev)
{
	*ev = (struct evidence){ .killed_for = LIMIT_MAX_, .exit_code = -1, .signal = 9 };
	ev->wall_us = clock_us() - job->step_start_us;
	ev->stdout_bytes = gather_total(&job->gather, GATHER_OUT) - job->step_offset[0];
	ev->stderr_bytes = gather_total(&job->gather, GATHER_ERR) - job->step_offset[1];
}

static int set_stream(
	const struct job *job, enum gather_sink sink, uint64_t written, struct stream_result *ret)
{
	ret->offset = job->step_offset[sink == GATHER_ERR];
	ret->bytes = gather_total(&job->gather, sink) - ret->offset;
	if (written < ret->bytes)
		return -EPROTO;
	ret->cut = written - ret->bytes;
	return 0;
}

/*
 * Is stdout what was expected? Where nothing was, it is. What was cut is not shown to a checker:
 * it could not tell.
 */
static bool output_matches(struct job *job, uint64_t cut)
{
	if (job_check_wanted(job))
		return cut == 0;
	return !job->comparing || (cut == 0 && compare_end(job->compare));
}

static struct step_result *new_step(struct result *result)
{
	struct step_result *steps =
		realloc(result->steps, (result->n_steps + 1) * sizeof(*result->steps));

	if (steps == NULL)
		return NULL;
	result->steps = steps;
	steps[result->n_steps] = (struct step_result){ 0 };
	return &steps[result->n_steps++];
}

/* The first one that is not ok decides. */
void job_note_finding(struct job *job)
{
	const struct step_result *step = &job->result.steps[job->result.n_steps - 1];

	if (step->finding.verdict == VERDICT_OK || job->early.verdict != VERDICT_MAX_)
		return;
	job->early = step->finding;
	job->result.deciding = job->result.n_steps - 1;
}

int job_take_step(struct job *job, const struct evidence *ev, const char *note, bool cut_short)
{
	const struct plan_step *plan = &job->plan->steps[job->step];
	struct step_result *step = new_step(&job->result);
	bool same;

	if (step == NULL)
		return -ENOMEM;
	if (set_stream(job, GATHER_OUT, ev->stdout_bytes, &step->out) < 0 ||
		set_stream(job, GATHER_ERR, ev->stderr_bytes, &step->err) < 0)
		return -EPROTO;
	same = !cut_short && output_matches(job, step->out.cut);
	step->build = plan->build;
	step->finding = verdict_decide(ev, &plan->limits, plan->build, same);
	step->exit_code = ev->exit_code;
	step->signal = ev->signal;
	step->wall_us = ev->wall_us;
	step->cpu_us = ev->cpu_us;
	step->memory_peak_bytes = ev->memory_peak;
	step->processes_peak = ev->processes_peak;
	if (plan->case_ != NULL && plan->case_->name != NULL)
		step->name = strdup(plan->case_->name);
	if (note[0] != '\0')
		step->note = strdup(note);
	if ((note[0] != '\0' && step->note == NULL) ||
		(plan->case_ != NULL && plan->case_->name != NULL && step->name == NULL))
		return -ENOMEM;
	job_note_finding(job);
	return 0;
}

size_t job_steps_ended(const struct job *job)
{
	return job->result.n_steps - (job->phase == PHASE_CHECKING);
}

static bool nonce_is_right(const struct job *job, struct unpacker *u)
{
	const uint8_t *nonce = unpack_raw(u, FRAME_NONCE_BYTES);

	return nonce != NULL && CRYPTO_memcmp(nonce, job->nonce, FRAME_NONCE_BYTES) == 0;
}

bool job_unpack_evidence(struct unpacker *u, struct evidence *ev, char *note, size_t size)
{
	uint32_t exit_code;
	uint8_t killed_for = unpack_u8(u), disk_full, file_limit;

	exit_code = unpack_u32(u);
	*ev = (struct evidence){ 0 };
	ev->killed_for = (enum limit)killed_for;
	ev->exit_code = exit_code == UINT32_MAX ? -1 : (int)(exit_code & 0xff);
	ev->signal = unpack_u8(u);
	ev->wall_us = unpack_i64(u);
	ev->cpu_us = unpack_i64(u);
	ev->memory_peak = unpack_i64(u);
	ev->processes_peak = unpack_i64(u);
	ev->oom_kills = unpack_u64(u);
	ev->pids_refused = unpack_u64(u);
	ev->disk_used = unpack_i64(u);
	disk_full = unpack_u8(u);
	file_limit = unpack_u8(u);
	ev->disk_full = disk_full == 1;
	ev->file_limit_hit = file_limit == 1;
	ev->stdout_bytes = unpack_u64(u);
	ev->stderr_bytes = unpack_u64(u);
	unpack_str(u, note, size);
	return unpack_end(u) && killed_for <= LIMIT_MAX_ &&
	       (exit_code <= 255 || exit_code == UINT32_MAX) && ev->signal <= 64 &&
	       (ev->exit_code >= 0) == (ev->signal == 0) && ev->wall_us >= 0 && ev->cpu_us >= 0 &&
	       ev->memory_peak >= 0 && ev->processes_peak >= 0 && ev->disk_used >= 0 &&
	       disk_full <= 1 && file_limit <= 1;
}

/* A failing build, or a failing case where the client said so, ends the steps. */
static bool is_last(const struct job *job)
{
	const struct step_result *step = &job->result.steps[job->result.n_steps - 1];

	if (job->step + 1 == job->plan->n_steps)
		return true;
	return step->finding.verdict != VERDICT_OK && (step->build || job->plan->stop_on_failure);
}

void job_next_step(struct job *job)
{
	job->step++;
	job_feed_next_step(job);
	job_feed(job);
}

void job_judged(struct job *job)
{
	if (is_last(job)) {
		job_feed_collected(job);
	} else if (!job_build_save(job)) {
		job_next_step(job);
	}
	if (job->phase == PHASE_OVER)
		return;
	job_tap_news(job);
	job_cases_news(job);
}

/* So long that its program may have waited for us, and not we for it. */
static bool was_held(const struct job *job)
{
	int64_t us = job->held_us;

	if (job->held_since_us != 0)
		us += clock_us() - job->held_since_us;
	return us > (int64_t)job->jobs->host.config->grace_ms * 1000;
}

static int on_step_end(struct job *job, struct unpacker *u)
{
	char note[FRAME_TEXT_MAX + 1];
	const struct step_result *step;
	struct evidence ev;
	int r;

	if (job->phase != PHASE_STEPPING || !nonce_is_right(job, u) ||
		!job_unpack_evidence(u, &ev, note, sizeof(note)))
		return garbled(job, "record of a step");
	job->box->oom_seen = job->box->oom_seen || ev.oom_kills > 0;
	if (ev.killed_for == LIMIT_WALL && was_held(job)) {
		job_give_back(job, GIVEBACK_ENGINE, "the queue did not take the program's output");
		return -ECANCELED;
	}
	r = job_take_step(job, &ev, note, false);
	if (r == -EPROTO)
		return garbled(job, "record of a step");
	if (r < 0) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return r;
	}
	step = &job->result.steps[job->result.n_steps - 1];
	if (step->finding.verdict == VERDICT_OK && job_check_wanted(job))
		job_check_begin(job);
	else
		job_judged(job);
	return 0;
}

/* ---- files ---- */

/* Relative, no empty, "." or ".." component: what may be shown and served by that name. */
static bool name_is_good(const char *name)
{
	for (const char *at = name;; at++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n <= 2 && strncmp(at, "..", n) == 0))
			return false;
		at += n;
		if (*at == '\0')
			return true;
	}
}

static bool end_file(struct job *job)
{
	unsigned int n = 32;

	if (!job->file_coming)
		return true;
	if (job->file_left > 0)
		return false;
	job->file_coming = false;
	return EVP_DigestFinal_ex(
		       job->sha, job->result.files[job->result.n_files - 1].sha256, &n) == 1;
}

int job_take_known(struct job *job, const struct step_result *known, const uint8_t *out,
	const uint8_t *err_out)
{
	struct step_result *step = new_step(&job->result);

	if (step == NULL)
		return -ENOMEM;
	*step = *known;
	step->name = step->checker_message = NULL;
	step->note = known->note == NULL ? NULL : strdup(known->note);
	if (known->note != NULL && step->note == NULL)
		return -ENOMEM;
	step->cached = true;
	step->out.offset = step->err.offset = 0;
	if (keep(job, GATHER_OUT, out, (size_t)known->out.bytes) < 0)
		return -ECANCELED;
	return keep(job, GATHER_ERR, err_out, (size_t)known->err.bytes);
}

static int on_got_file(struct job *job, struct unpacker *u)
{
	const struct task *task = job->plan->task;
	cleanup_free char *name = unpack_strdup(u, FRAME_NAME_MAX);
	uint64_t bytes = unpack_u64(u);
	uint8_t executable = unpack_u8(u);
	struct file_result *files;

	if (u->no_memory) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return -ENOMEM;
	}
	if (job->phase != PHASE_COLLECTING || !unpack_end(u) || !end_file(job) || name == NULL ||
		executable > 1 || !name_is_good(name) ||
		job->result.n_files >= (size_t)task->collect_files ||
		bytes > (uint64_t)task->collect_bytes - job->files_bytes)
		return garbled(job, "file");
	if (job->sha == NULL)
		job->sha = EVP_MD_CTX_new();
	files = realloc(job->result.files, (job->result.n_files + 1) * sizeof(*files));
	if (files == NULL || job->sha == NULL ||
		EVP_DigestInit_ex(job->sha, EVP_sha256(), NULL) != 1) {
		if (files != NULL)
			job->result.files = files;
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return -ENOMEM;
	}
	job->result.files = files;
	files[job->result.n_files++] = (struct file_result){ .name = TAKE_PTR(name),
		.offset = gather_total(&job->gather, GATHER_FILES),
		.bytes = bytes };
	job->files_bytes += bytes;
	job->file_left = bytes;
	job->file_coming = true;
	return 0;
}

static int on_skipped(struct job *job, struct unpacker *u)
{
	cleanup_free char *name = unpack_strdup(u, FRAME_NAME_MAX);
	cleanup_free char *reason = unpack_strdup(u, FRAME_TEXT_MAX);
	struct skipped_result *skipped;

	if (u->no_memory) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return -ENOMEM;
	}
	if (job->phase != PHASE_COLLECTING || !unpack_end(u) || !end_file(job) ||
		job->result.n_skipped >= SKIPPED_MAX)
		return garbled(job, "file");
	skipped = realloc(job->result.skipped, (job->result.n_skipped + 1) * sizeof(*skipped));
	if (skipped == NULL) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return -ENOMEM;
	}
	job->result.skipped = skipped;
	skipped[job->result.n_skipped++] =
		(struct skipped_result){ .name = TAKE_PTR(name), .reason = TAKE_PTR(reason) };
	return 0;
}

static int on_done(struct job *job, struct unpacker *u)
{
	if (job->phase != PHASE_COLLECTING || !nonce_is_right(job, u) || !unpack_end(u) ||
		!end_file(job))
		return garbled(job, "end");
	job_leave_box(job, true);
	job_settle(job);
	return 0;
}

/* "input: " tells that the client's files did not fit: the client's limit, not our failure. */
static int on_fault(struct job *job, struct unpacker *u)
{
	char text[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 40];
	struct evidence ev;

	unpack_str(u, text, sizeof(text));
	if (strncmp(text, "input: ", 7) == 0 && job->result.n_steps == job->first_step &&
		(job->phase == PHASE_FEEDING || job->phase == PHASE_STEPPING)) {
		job_evidence_so_far(job, &ev);
		ev.wall_us = 0;
		ev.killed_for = LIMIT_DISK;
		ev.disk_used = job->plan->limits.v[LIMIT_DISK];
		if (job_take_step(job, &ev, text, true) == 0) {
			job_leave_box(job, false);
			job_settle(job);
			return -ECANCELED;
		}
	}
	(void)snprintf(why, sizeof(why), "the agent failed: %s", text);
	job_give_back(job, GIVEBACK_ENGINE, why);
	return -ECANCELED;
}

static int on_taken(struct job *job, struct unpacker *u)
{
	uint32_t bytes = unpack_u32(u);

	if (!unpack_end(u) || job_typed_taken(job, bytes) < 0)
		return garbled(job, "count of input");
	return job->phase == PHASE_OVER ? -ECANCELED : 0;
}

static int on_frame(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	struct job *job = arg;
	struct unpacker u = unpacker_of(payload, n);

	if (job->phase == PHASE_SAVING && type != FRAME_FAULT && type != FRAME_TAKEN)
		return job_build_frame(job, type, &u) < 0 ? garbled(job, "copy") : 0;
	switch (type) {
	case FRAME_STEP_END:
		return on_step_end(job, &u);
	case FRAME_GOT_FILE:
		return on_got_file(job, &u);
	case FRAME_SKIPPED:
		return on_skipped(job, &u);
	case FRAME_DONE:
		return on_done(job, &u);
	case FRAME_FAULT:
		return on_fault(job, &u);
	case FRAME_TAKEN:
		return on_taken(job, &u);
	default:
		return garbled(job, "message");
	}
}

/* ---- the box ---- */

static void on_drained(void *arg)
{
	job_feed(arg);
}

static void on_broken(const char *why, bool bad, void *arg)
{
	if (bad)
		job_give_back(arg, GIVEBACK_ENGINE, why);
	else
		job_autopsy_gone(arg, why);
}

const struct box_user job_box_user = {
	.bulk = on_bulk, .frame = on_frame, .drained = on_drained, .broken = on_broken
};
