/* SPDX-License-Identifier: MIT */
/*
 * The task's checker: the operator's program that says whether a case's output is right. It
 * runs in a box of its own, of its own shelf, that no program of the job was ever in; what it
 * learns of the job are three files that we send there: input, output and what was expected.
 * The box is asked for with the job's own, so that it is there when the first case ends, and
 * serves all cases of the job. What becomes of a checker that neither says yes nor no is the
 * operator's affair and never shown as the program's.
 *
 *	IDLE ─► FILES ─► RUNNING ─► IDLE ...
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "job_internal.h"

#define FEED_AHEAD (256 * 1024)
#define BOX_MS     120000 /* for its container to come, and its files to go in */
#define FILES      3

enum check_state { CHECK_IDLE, CHECK_FILES, CHECK_RUNNING };

struct check {
	struct pool_ticket ticket;
	struct box *box; /* the pool's; ours while not NULL */
	enum check_state state;
	uint8_t nonce[FRAME_NONCE_BYTES];
	size_t file; /* that is being sent */
	bool file_open;
	uint64_t sent;
	char message[CHECKER_MESSAGE_MAX + 1];
	size_t message_len;
};

static void on_box(struct box *box, void *arg);
static void feed(struct job *job);

/* ---- its box ---- */

static void on_no_box(const char *why, enum engine_tried tried, void *arg)
{
	struct job *job = arg;

	if (job->phase == PHASE_CHECKING)
		job_give_back_unboxed(job, tried, why);
	/* Else it is asked for again when a case needs it. */
}

static bool has_box(const struct check *check)
{
	return check->box != NULL || check->ticket.queued;
}

static void ask_for_box(struct job *job)
{
	struct pool_ticket *ticket = &job->check->ticket;
	const struct task *checker = job->plan->task->checker;
	struct box *box;

	*ticket = (struct pool_ticket){ .task = checker,
		.image = job->image,
		.limits = checker->limits,
		.attempt = job->attempt,
		.got = on_box,
		.failed = on_no_box,
		.arg = job };
	(void)snprintf(ticket->job, sizeof(ticket->job), "%s", job->text);
	box = pool_ask(job->jobs->host.pool, ticket);
	if (box != NULL)
		on_box(box, job);
}

/* The box as it is: to be removed, or, where it is a slot, to be cleared for another job. */
static void leave_box(struct job *job, bool broken)
{
	struct check *check = job->check;
	struct box *box = check->box;

	check->box = NULL;
	check->state = CHECK_IDLE;
	if (box == NULL)
		return;
	if (broken)
		pool_return(job->jobs->host.pool, box, false);
	else
		pool_kill(job->jobs->host.pool, box, check->nonce);
}

static bool is_checked(const struct plan_step *step)
{
	return step->has_expected && step->compare == COMPARE_CHECKER;
}

bool job_check_wanted(const struct job *job)
{
	return is_checked(&job->plan->steps[job->step]);
}

int job_check_prepare(struct job *job)
{
	bool any = false;

	for (size_t i = 0; !any && i < job->plan->n_steps; i++)
		any = is_checked(&job->plan->steps[i]);
	if (!any)
		return 0;
	job->check = calloc(1, sizeof(*job->check));
	if (job->check == NULL)
		return -ENOMEM;
	ask_for_box(job);
	return 0;
}

void job_check_done(struct job *job)
{
	if (job->check == NULL)
		return;
	pool_forget(job->jobs->host.pool, &job->check->ticket);
	leave_box(job, false);
}

void job_check_free(struct job *job)
{
	if (job->check != NULL)
		explicit_bzero(job->check->nonce, sizeof(job->check->nonce));
	free(job->check);
	job->check = NULL;
}

/* ---- what it is told ---- */

static const char *const names[FILES] = { "input", "output", "answer" };

static uint64_t file_bytes(const struct job *job, size_t file)
{
	const struct plan_step *step = &job->plan->steps[job->step];

	if (file == 1)
		return job->result.steps[job->result.n_steps - 1].out.bytes;
	return file == 0 ? step->stdin_.len : step->expected.len;
}

static int read_file(
	struct job *job, size_t file, uint64_t offset, void *ret, size_t n, struct err *err)
{
	const struct plan_step *step = &job->plan->steps[job->step];

	if (file == 1)
		return gather_read(
			&job->gather, GATHER_OUT, job->step_offset[0] + offset, ret, n, err);
	return blob_read(&job->input,
		(file == 0 ? step->stdin_.offset : step->expected.offset) + offset, ret, n, err);
}

static int put_header(struct job *job)
{
	struct check *check = job->check;
	uint8_t payload[128];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_str(&p, names[check->file]);
	pack_u32(&p, 0644);
	pack_u64(&p, file_bytes(job, check->file));
	check->file_open = true;
	check->sent = 0;
	return frames_put(box_output(check->box), FRAME_FILE, payload, p.len);
}

/* One piece of the file at hand. */
static int put_piece(struct job *job, struct err *err)
{
	uint8_t chunk[FRAME_PAYLOAD_MAX];
	struct check *check = job->check;
	uint64_t left = file_bytes(job, check->file) - check->sent;
	size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
	int r = 0;

	if (n > 0)
		r = read_file(job, check->file, check->sent, chunk, n, err);
	if (r < 0)
		return r;
	check->sent += n;
	if (n > 0 && frames_put(box_output(check->box), FRAME_FILE_DATA, chunk, n) < 0)
		return err_set(err, ENOMEM, "checker");
	if (n == left) {
		check->file++;
		check->file_open = false;
	}
	return 0;
}

static int put_step(struct job *job, struct err *err)
{
	const struct task *checker = job->plan->task->checker;
	struct evbuffer *out = box_output(job->check->box);
	struct packer p = packer_growing();
	struct plan_words words;
	int r = plan_checker_words(job->plan, names, FILES, &words, err);

	if (r == 0) {
		job_pack_step(&p, FRAME_STEP_CASE, &checker->limits, &words, false);
		if (frames_put_long(out, FRAME_STEP, &p) < 0 ||
			frames_put(out, FRAME_STDIN_END, NULL, 0) < 0)
			r = err_set(err, ENOMEM, "checker");
	}
	packer_done(&p);
	plan_words_done(&words);
	return r;
}

static int fill(struct job *job, struct err *err)
{
	struct check *check = job->check;
	int r = 0;

	while (r == 0 && check->file < FILES && attach_waiting(check->box->attach) < FEED_AHEAD) {
		if (!check->file_open && put_header(job) < 0)
			return err_set(err, ENOMEM, "checker");
		r = put_piece(job, err);
	}
	if (r < 0 || check->file < FILES)
		return r;
	r = put_step(job, err);
	check->state = CHECK_RUNNING;
	job_arm(job,
		job->plan->task->checker->limits.v[LIMIT_WALL] + job->jobs->host.config->grace_ms);
	return r;
}

static void feed(struct job *job)
{
	struct check *check = job->check;
	struct err err;

	if (check->state != CHECK_FILES || check->box == NULL)
		return;
	if (fill(job, &err) < 0)
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
	else
		attach_flush(check->box->attach, check->state == CHECK_FILES);
}

static void begin(struct job *job)
{
	struct check *check = job->check;

	check->state = CHECK_FILES;
	check->file = 0;
	check->file_open = false;
	check->message_len = 0;
	feed(job);
}

void job_check_begin(struct job *job)
{
	job_move(job, PHASE_CHECKING);
	job_arm(job, BOX_MS);
	if (job->check->box != NULL)
		begin(job);
	else if (!has_box(job->check))
		ask_for_box(job);
}

void job_check_late(struct job *job)
{
	job_give_back(job, GIVEBACK_ENGINE,
		job->check->box == NULL ? "there is no container for the checker"
					: "the checker's container does not answer");
}

/* ---- what it says ---- */

static void end(struct job *job, enum verdict verdict, const char *why)
{
	struct check *check = job->check;
	struct step_result *step = &job->result.steps[job->result.n_steps - 1];

	check->state = CHECK_IDLE;
	check->message[check->message_len] = '\0';
	step->checker_message = strdup(check->message);
	step->finding.verdict = verdict;
	job_note_finding(job);
	if (why != NULL && step->note == NULL)
		step->note = strdup(why);
	if (why != NULL && verdict == VERDICT_ENGINE_ERROR && job->result.error == NULL)
		job->result.error = strdup(why);
	if (step->checker_message == NULL) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return;
	}
	job_judged(job);
}

/* Whatever it printed is text in the end. */
static void keep_message(struct check *check, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n && check->message_len < CHECKER_MESSAGE_MAX; i++)
		check->message[check->message_len++] = (char)(data[i] == 0 ? 0x3f : data[i]);
}

static int garbled(struct job *job)
{
	job_give_back(job, GIVEBACK_ENGINE, "the checker's agent does not say what it should");
	return -EPROTO;
}

static int on_bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	struct job *job = arg;
	struct check *check = job->check;

	if (type == FRAME_GOT_DATA || check->state != CHECK_RUNNING)
		return garbled(job);
	if (type == FRAME_STDOUT)
		keep_message(check, data, n);
	return 0;
}

/* Why it is the checker's own failure. */
static void say_failure(const struct finding *finding, const struct evidence *ev, const char *note,
	char *ret, size_t size)
{
	if (note[0] != '\0')
		(void)snprintf(ret, size, "the checker could not be started: %s", note);
	else if (finding->limit < LIMIT_MAX_)
		(void)snprintf(ret, size, "the checker ended as %s (%s)",
			verdict_name(finding->verdict), limit_name(finding->limit));
	else if (ev->signal != 0)
		(void)snprintf(ret, size, "the checker was ended by signal %d", ev->signal);
	else
		(void)snprintf(ret, size,
			"the checker ended with exit code %d; 0 and 1 are answers", ev->exit_code);
}

static int on_step_end(struct job *job, struct unpacker *u)
{
	const uint8_t *nonce = unpack_raw(u, FRAME_NONCE_BYTES);
	char note[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 100];
	struct check *check = job->check;
	struct finding finding;
	struct evidence ev;

	if (check->state != CHECK_RUNNING || nonce == NULL ||
		CRYPTO_memcmp(nonce, check->nonce, FRAME_NONCE_BYTES) != 0 ||
		!job_unpack_evidence(u, &ev, note, sizeof(note)))
		return garbled(job);
	check->box->oom_seen = check->box->oom_seen || ev.oom_kills > 0;
	finding = verdict_decide(&ev, &job->plan->task->checker->limits, false, true);
	if (finding.verdict == VERDICT_OK) {
		end(job, VERDICT_OK, NULL);
	} else if (finding.verdict == VERDICT_NONZERO_EXIT && ev.exit_code == 1) {
		end(job, VERDICT_WRONG_OUTPUT, NULL);
	} else {
		say_failure(&finding, &ev, note, why, sizeof(why));
		end(job, VERDICT_ENGINE_ERROR, why);
	}
	return job->phase == PHASE_OVER ? -ECANCELED : 0;
}

/* Files that do not fit are a limit that the operator set too low. */
static int on_fault(struct job *job, struct unpacker *u)
{
	char text[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 100];

	unpack_str(u, text, sizeof(text));
	if (strncmp(text, "input: no space", 15) != 0 || job->check->state == CHECK_IDLE) {
		(void)snprintf(why, sizeof(why), "the checker's agent failed: %s", text);
		job_give_back(job, GIVEBACK_ENGINE, why);
		return -ECANCELED;
	}
	leave_box(job, true);
	end(job, VERDICT_ENGINE_ERROR,
		"input, output and expected output do not fit into the checker's disk_bytes");
	return -ECANCELED;
}

static int on_frame(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	struct unpacker u = unpacker_of(payload, n);

	if (type == FRAME_STEP_END)
		return on_step_end(arg, &u);
	return type == FRAME_FAULT ? on_fault(arg, &u) : garbled(arg);
}

static void on_drained(void *arg)
{
	feed(arg);
}

static void on_broken(const char *why, bool bad, void *arg)
{
	struct job *job = arg;
	char text[400];

	(void)bad;
	(void)snprintf(text, sizeof(text), "the checker's container ended: %s", why);
	leave_box(job, true);
	if (job->phase == PHASE_CHECKING)
		job_give_back(job, GIVEBACK_ENGINE, text);
}

static const struct box_user check_user = {
	.bulk = on_bulk, .frame = on_frame, .drained = on_drained, .broken = on_broken
};

static void on_box(struct box *box, void *arg)
{
	struct job *job = arg;
	struct check *check = job->check;

	check->box = box;
	box_take(box, &check_user, job);
	if (getrandom(check->nonce, sizeof(check->nonce), 0) != (ssize_t)sizeof(check->nonce) ||
		job_put_start(job, box, check->nonce) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return;
	}
	attach_flush(box->attach, false);
	if (job->phase == PHASE_CHECKING)
		begin(job);
}
