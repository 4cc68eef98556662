/* SPDX-License-Identifier: MIT */
/* What goes into a job's container: its files, its steps, their input. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "job_internal.h"

#define FEED_AHEAD (256 * 1024) /* bytes that may wait for the container's stdin */
#define COLLECT_MS 120000

/* False: out of memory or unreadable input; the job is given back. */
static bool put(struct job *job, int r)
{
	if (r == 0)
		return true;
	job_give_back(job, GIVEBACK_ENGINE, r == -ENOMEM ? "out of memory" : "a frame is too long");
	return false;
}

/* The next piece of an extent as a frame. */
static bool put_bytes(
	struct job *job, enum frame_type type, const struct blob *from, const struct extent *extent)
{
	uint8_t chunk[FRAME_PAYLOAD_MAX];
	uint64_t left = extent->len - job->sent;
	size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
	struct err err;

	if (blob_read(from, extent->offset + job->sent, chunk, n, &err) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
		return false;
	}
	job->sent += n;
	return put(job, frames_put(box_output(job->box), type, chunk, n));
}

static bool put_file_header(struct job *job, const struct spec_file *file)
{
	uint8_t payload[FRAME_NAME_MAX + 64];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_str(&p, file->name);
	pack_u32(&p, file->executable ? 0755 : 0644);
	pack_u64(&p, file->data.len);
	job->file_open = true;
	job->sent = 0;
	return put(job, p.failed ? -EMSGSIZE
				 : frames_put(box_output(job->box), FRAME_FILE, payload, p.len));
}

/* False: the job has left this phase. */
static bool feed_files(struct job *job)
{
	const struct spec_file *file;

	if (job->file == job->n_files) {
		job_feed_next_step(job);
		return job->phase == PHASE_STEPPING;
	}
	file = &job->files[job->file];
	if (!job->file_open && !put_file_header(job, file))
		return false;
	if (job->sent < file->data.len &&
		!put_bytes(job, FRAME_FILE_DATA, job->files_in, &file->data))
		return false;
	if (job->sent == file->data.len) {
		job->file++;
		job->file_open = false;
	}
	return true;
}

static void pack_strings(struct packer *p, const struct strv *sv)
{
	pack_u32(p, (uint32_t)sv->n);
	for (size_t i = 0; i < sv->n; i++)
		pack_str(p, sv->v[i]);
}

static bool put_collect(struct job *job)
{
	const struct task *task = job->plan->task;
	const struct strv *globs = job->plan->collect;
	struct packer p = packer_growing();
	int r;

	pack_u32(&p, task->collect_files > 0 ? (uint32_t)task->collect_files : 0);
	pack_u64(&p, task->collect_bytes > 0 ? (uint64_t)task->collect_bytes : 0);
	if (job->early.verdict != VERDICT_BUILD_FAILED)
		pack_strings(&p, globs);
	else
		pack_u32(&p, 0);
	pack_u8(&p, 0);
	r = frames_put_long(box_output(job->box), FRAME_COLLECT, &p);
	packer_done(&p);
	job->collecting = true;
	return put(job, r);
}

/* Then what is to be collected goes behind its input: it saves a turn. */
static bool is_last_step(const struct job *job)
{
	return job->step + 1 == job->plan->n_steps && !job_check_wanted(job);
}

static bool feed_stdin(struct job *job)
{
	const struct plan_step *step = &job->plan->steps[job->step];

	if (step->open_stdin) {
		job_typed_feed(job);
		return false;
	}
	if (job->stdin_done)
		return false;
	if (job->sent < step->stdin_.len)
		return put_bytes(job, FRAME_STDIN, &job->input, &step->stdin_);
	job->stdin_done = true;
	if (put(job, frames_put(box_output(job->box), FRAME_STDIN_END, NULL, 0)) &&
		is_last_step(job))
		(void)put_collect(job);
	return false;
}

/* True where there is more than was put. */
static bool fill(struct job *job)
{
	bool more = true;

	while (more && job->box != NULL && attach_waiting(job->box->attach) < FEED_AHEAD) {
		if (job->phase == PHASE_FEEDING)
			more = feed_files(job);
		else if (job->phase == PHASE_STEPPING)
			more = feed_stdin(job);
		else
			more = false;
	}
	return more && job->box != NULL;
}

void job_feed(struct job *job)
{
	bool more = fill(job);

	if (job->box != NULL)
		attach_flush(job->box->attach, more);
}

static int put_place(struct box *box, const struct place *place)
{
	uint8_t payload[1 + 2 * FRAME_PLACE_MAX];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_u8(&p, place->n);
	for (int i = 0; i < place->n; i++)
		pack_u16(&p, place->processors[i]);
	return frames_put(box_output(box), FRAME_PLACE, payload, p.len);
}

int job_put_start(struct job *job, struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES])
{
	uint8_t payload[JOB_ID_BYTES + 4 + FRAME_NONCE_BYTES];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_raw(&p, job->id.b, sizeof(job->id.b));
	pack_u32(&p, job->attempt);
	pack_raw(&p, nonce, FRAME_NONCE_BYTES);
	if (frames_put(box_output(box), FRAME_START, payload, p.len) < 0)
		return -ENOMEM;
	return job->place.n == 0 ? 0 : put_place(box, &job->place);
}

int job_feed_start(struct job *job)
{
	return job_put_start(job, job->box, job->nonce);
}

void job_pack_step(struct packer *p, enum frame_step kind, const struct limits *limits,
	const struct plan_words *words, bool open_stdin)
{
	pack_u8(p, (uint8_t)kind);
	pack_u8(p, LIMIT_MAX_);
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		pack_i64(p, limits->v[i]);
	pack_strings(p, &words->argv);
	pack_strings(p, &words->env);
	pack_u8(p, open_stdin);
}

static int put_step(struct job *job, const struct plan_step *step)
{
	struct packer p = packer_growing();
	struct plan_words words;
	struct err err;
	int r = plan_words(job->plan, job->step, &words, &err);

	job_pack_step(&p, step->build ? FRAME_STEP_BUILD : FRAME_STEP_CASE, &step->limits, &words,
		step->open_stdin);
	if (r == 0)
		r = frames_put_long(box_output(job->box), FRAME_STEP, &p);
	packer_done(&p);
	plan_words_done(&words);
	return r;
}

static int read_expected(void *arg, uint64_t offset, void *ret, size_t n)
{
	struct job *job = arg;
	struct err err;

	return blob_read(
		&job->input, job->plan->steps[job->step].expected.offset + offset, ret, n, &err);
}

static int begin_compare(struct job *job, const struct plan_step *step)
{
	job->comparing = step->has_expected && step->compare != COMPARE_CHECKER;
	if (!job->comparing)
		return 0;
	if (job->compare == NULL)
		job->compare = malloc(sizeof(*job->compare));
	if (job->compare == NULL)
		return -ENOMEM;
	compare_init(job->compare, step->compare, read_expected, job, step->expected.len);
	return 0;
}

/* Called with job->step at the step to begin; job_feed() then sends it. */
void job_feed_next_step(struct job *job)
{
	const struct plan_step *step = &job->plan->steps[job->step];

	if (job->phase != PHASE_FEEDING && !job->stdin_done &&
		!put(job, frames_put(box_output(job->box), FRAME_STDIN_END, NULL, 0)))
		return;
	job->sent = 0;
	job->stdin_done = false;
	job->step_offset[0] = gather_total(&job->gather, GATHER_OUT);
	job->step_offset[1] = gather_total(&job->gather, GATHER_ERR);
	if (!put(job, begin_compare(job, step)) || !put(job, put_step(job, step)))
		return;
	if (job->phase != PHASE_STEPPING)
		job_move(job, PHASE_STEPPING);
	job->step_start_us = clock_us();
	job->late_us = 0;
	job->held_us = 0;
	if (job->held_since_us != 0)
		job->held_since_us = job->step_start_us;
	job_arm(job, step->limits.v[LIMIT_WALL] + job->jobs->host.config->grace_ms);
}

void job_feed_copy(struct job *job, uint64_t bytes_max)
{
	uint8_t payload[64];
	struct packer p = packer_fixed(payload, sizeof(payload));

	if (!job->stdin_done &&
		!put(job, frames_put(box_output(job->box), FRAME_STDIN_END, NULL, 0)))
		return;
	job->stdin_done = true;
	pack_u32(&p, SPEC_FILES_MAX);
	pack_u64(&p, bytes_max);
	pack_u32(&p, 1);
	pack_str(&p, "**");
	pack_u8(&p, 1);
	if (put(job, frames_put(box_output(job->box), FRAME_COLLECT, payload, p.len)))
		attach_flush(job->box->attach, false);
}

void job_feed_collected(struct job *job)
{
	if (!job->stdin_done &&
		!put(job, frames_put(box_output(job->box), FRAME_STDIN_END, NULL, 0)))
		return;
	job->stdin_done = true;
	if (!job->collecting && !put_collect(job))
		return;
	job_move(job, PHASE_COLLECTING);
	job_arm(job, COLLECT_MS);
	attach_flush(job->box->attach, false);
}
