/* SPDX-License-Identifier: MIT */
#include "job.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "gpu_request.h"
#include "job_internal.h"

#define FEED_MS         120000 /* for all files of a job to go in */
#define UNANSWERED_MOST 5      /* calls for one job, while the engine is there */
#define RUNNING_MAX     2000

static const char *const names[PHASE_MAX_] = {
	[PHASE_RESOLVING] = "resolving",
	[PHASE_WAITING] = "waiting",
	[PHASE_FEEDING] = "feeding",
	[PHASE_STEPPING] = "stepping",
	[PHASE_CHECKING] = "checking",
	[PHASE_SAVING] = "saving",
	[PHASE_COLLECTING] = "collecting",
	[PHASE_AUTOPSY] = "autopsy",
	[PHASE_SETTLING] = "settling",
	[PHASE_OVER] = "over",
};

#define TO(phase) (1U << (phase))

/* The only place that says which moves are legal. */
static const unsigned moves[PHASE_MAX_] = {
	[PHASE_RESOLVING] = TO(PHASE_WAITING) | TO(PHASE_OVER),
	[PHASE_WAITING] = TO(PHASE_FEEDING) | TO(PHASE_OVER),
	[PHASE_FEEDING] =
		TO(PHASE_STEPPING) | TO(PHASE_AUTOPSY) | TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_STEPPING] = TO(PHASE_CHECKING) | TO(PHASE_SAVING) | TO(PHASE_COLLECTING) |
			   TO(PHASE_AUTOPSY) | TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_CHECKING] = TO(PHASE_STEPPING) | TO(PHASE_COLLECTING) | TO(PHASE_AUTOPSY) |
			   TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_SAVING] =
		TO(PHASE_STEPPING) | TO(PHASE_AUTOPSY) | TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_COLLECTING] = TO(PHASE_AUTOPSY) | TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_AUTOPSY] = TO(PHASE_SETTLING) | TO(PHASE_OVER),
	[PHASE_SETTLING] = TO(PHASE_OVER),
};

bool job_phase_can_move(enum job_phase from, enum job_phase to)
{
	return (size_t)from < PHASE_MAX_ && (moves[from] & TO(to)) != 0;
}

void job_move(struct job *job, enum job_phase to)
{
	assert(job_phase_can_move(job->phase, to));
	log_debug("job=%.12s %s -> %s", job->text, names[job->phase], names[to]);
	job->phase = to;
}

void job_arm(struct job *job, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(job->timer, &tv);
}

/* ---- memory ---- */

static void job_free(struct job *job)
{
	if (job->timer != NULL)
		event_free(job->timer);
	job_tap_done(job);
	job_cases_done(job);
	job_typed_done(job);
	gather_done(&job->gather);
	result_done(&job->result);
	plan_free(job->plan);
	spec_done(&job->spec);
	blob_done(&job->input);
	free(job->compare);
	job_check_free(job);
	job_build_free(job);
	free(job->gpus_text);
	EVP_MD_CTX_free(job->sha);
	explicit_bzero(job->nonce, sizeof(job->nonce));
	free(job);
}

/* Jobs that are over are freed from the loop, when nobody has them on the stack. */
static void reap(evutil_socket_t fd, short what, void *arg)
{
	struct jobs *jobs = arg;
	struct job *job, *next;

	(void)fd;
	(void)what;
	for (job = TAILQ_FIRST(&jobs->over); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->calls > 0)
			continue;
		TAILQ_REMOVE(&jobs->over, job, link);
		job_free(job);
	}
}

static void set_over(struct job *job)
{
	struct jobs *jobs = job->jobs;

	job_move(job, PHASE_OVER);
	(void)event_del(job->timer);
	job_tap_done(job);
	job_cases_done(job);
	job_typed_done(job);
	pool_forget(jobs->host.pool, &job->ticket);
	job_leave_box(job, false);
	job_check_done(job);
	TAILQ_REMOVE(&jobs->list, job, link);
	jobs->n--;
	TAILQ_INSERT_TAIL(&jobs->over, job, link);
	event_active(jobs->reaper, EV_TIMEOUT, 0);
	jobs->host.changed(jobs->host.arg);
}

void job_leave_box(struct job *job, bool finished)
{
	struct box *box = job->box;

	job->box = NULL;
	processors_give(&job->jobs->processors, &job->place);
	if (box != NULL)
		pool_return(job->jobs->host.pool, box, finished);
}

/* For a reason that is not the box's: a slot can go on once the job is dead. */
static void stop_in_box(struct job *job)
{
	struct box *box = job->box;

	if (job->phase < PHASE_FEEDING || job->phase > PHASE_COLLECTING)
		return job_leave_box(job, false);
	job->box = NULL;
	processors_give(&job->jobs->processors, &job->place);
	pool_kill(job->jobs->host.pool, box, job->nonce);
}

/* ---- endings ---- */

static void keep_message(struct job *job, struct msg *msg)
{
	struct err err;

	if (queue_link_keep(job->jobs->host.link, msg, &err) < 0) {
		/* Over the next connection the queue hears of all but this job, and has it run
		 * again. */
		log_error("job=%s its end is lost: %s", job->text, err.msg);
		msg_done(msg);
	}
}

void job_give_back(struct job *job, enum giveback why, const char *reason)
{
	static const char *const words[GIVEBACK_MAX_] = { "drain", "engine", "busy" };
	struct msg msg;

	if (job->phase == PHASE_OVER)
		return;
	log_at(why == GIVEBACK_ENGINE ? LOG_WARNING : LOG_INFO,
		"job=%.12s attempt=%" PRIu32 " given back (%s): %s", job->text, job->attempt,
		words[why], reason);
	msg_init(&msg, MSG_GIVEBACK);
	msg.giveback.id = job->id;
	msg.giveback.attempt = job->attempt;
	msg.giveback.why = (uint8_t)why;
	(void)snprintf(msg.giveback.reason, sizeof(msg.giveback.reason), "%s", reason);
	keep_message(job, &msg);
	set_over(job);
}

static void log_ending(const struct job *job, const struct finding *finding)
{
	if (finding->limit < LIMIT_MAX_)
		log_info("job=%.12s attempt=%" PRIu32 " verdict=%s limit=%s configured=%" PRId64
			 " measured=%" PRId64 "%s",
			job->text, job->attempt, verdict_name(finding->verdict),
			limit_name(finding->limit), finding->configured, finding->measured,
			trace_shown(job->trace).text);
	else
		log_info("job=%.12s attempt=%" PRIu32 " verdict=%s%s", job->text, job->attempt,
			verdict_name(finding->verdict), trace_shown(job->trace).text);
}

static int note_image(struct job *job, struct err *err)
{
	struct result *result = &job->result;

	if (job->image_id[0] == '\0' || result->image != NULL)
		return 0;
	result->image = strdup(job->image_id);
	return result->image == NULL ? err_set(err, ENOMEM, "the ending") : 0;
}

static void send_ending(struct job *job)
{
	struct result *result = &job->result;
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_ENDING);
	msg.ending.id = job->id;
	msg.ending.attempt = job->attempt;
	msg.ending.verdict = (uint8_t)result->finding.verdict;
	msg.ending.finished_ms = clock_unix_ms();
	(void)snprintf(msg.ending.image, sizeof(msg.ending.image), "%s", job->image_id);
	(void)snprintf(msg.ending.error, sizeof(msg.ending.error), "%s",
		result->error == NULL ? "" : result->error);
	msg.ending.isolation = (uint8_t)result->isolation;
	if (note_image(job, &err) < 0 ||
		gather_take(&job->gather, GATHER_OUT, &msg.ending.out, &err) < 0 ||
		gather_take(&job->gather, GATHER_ERR, &msg.ending.err, &err) < 0 ||
		gather_take(&job->gather, GATHER_FILES, &msg.ending.files, &err) < 0 ||
		result_pack(result, &msg.ending.result, &err) < 0) {
		msg_done(&msg);
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
		return;
	}
	log_ending(job, &result->finding);
	keep_message(job, &msg);
	set_over(job);
}

/* Files that only readers would have needed: the ending does not wait for them. */
static void do_without_files(struct job *job)
{
	for (size_t i = 0; i < GATHER_MAX_; i++)
		if (gather_do_without(&job->gather, (enum gather_sink)i))
			job->spool_token[i] = 0;
}

/* The job's own finding: that of its first step that is not ok. */
static void judge(struct job *job)
{
	struct result *result = &job->result;

	if (job->early.verdict != VERDICT_MAX_) {
		result->finding = job->early;
	} else {
		result->deciding = result->n_steps > 0 ? result->n_steps - 1 : 0;
		if (result->n_steps > 0)
			result->finding = result->steps[result->deciding].finding;
	}
	if (result->finding.verdict == VERDICT_ENGINE_ERROR)
		return;
	free(result->error); /* of another case's checker */
	result->error = NULL;
}

void job_settle(struct job *job)
{
	if (job->phase != PHASE_SETTLING)
		job_move(job, PHASE_SETTLING);
	(void)event_del(job->timer);
	do_without_files(job);
	if (!gather_is_settled(&job->gather))
		return; /* the spool's files are on their way */
	judge(job);
	send_ending(job);
}

/* Our failure with a reason, final: what was asked for is not to be had here. */
static void end_with_error(struct job *job, const char *why)
{
	job->result.finding =
		(struct finding){ .verdict = VERDICT_ENGINE_ERROR, .limit = LIMIT_MAX_ };
	job->result.error = strdup(why);
	log_warning("job=%.12s %s%s", job->text, why, trace_shown(job->trace).text);
	send_ending(job);
}

/* What is short now may be there when it is tried again. */
static void cannot_begin(struct job *job, const struct err *err)
{
	if (err_is_shortage(err->code))
		job_give_back(job, GIVEBACK_ENGINE, err->msg);
	else
		end_with_error(job, err->msg);
}

static void cancel_last_step(struct result *result)
{
	result->steps[result->n_steps - 1].finding =
		(struct finding){ .verdict = VERDICT_CANCELLED, .limit = LIMIT_MAX_ };
}

/* Its output so far comes along where all of it is at hand. */
static void end_cancelled(struct job *job)
{
	struct result *result = &job->result;
	struct evidence ev;

	stop_in_box(job);
	job_evidence_so_far(job, &ev);
	if (job->phase == PHASE_CHECKING ||
		(job->phase == PHASE_STEPPING && job_take_step(job, &ev, "", true) == 0))
		cancel_last_step(result);
	do_without_files(job);
	if (!gather_is_settled(&job->gather)) {
		gather_done(&job->gather);
		result_done(result);
		result_init(result);
	}
	for (size_t i = 0; i < result->n_files; i++)
		free(result->files[i].name);
	result->n_files = 0; /* the last one may be cut short */
	free(result->error);
	result->error = NULL;
	result->finding = (struct finding){ .verdict = VERDICT_CANCELLED, .limit = LIMIT_MAX_ };
	result->deciding = result->n_steps > 0 ? result->n_steps - 1 : 0;
	send_ending(job);
}

/* ---- our own clock ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;

	(void)fd;
	(void)what;
	switch (job->phase) {
	case PHASE_STEPPING:
		job_autopsy_late(job);
		break;
	case PHASE_CHECKING:
		job_check_late(job);
		break;
	case PHASE_AUTOPSY:
		job_autopsy_again(job);
		break;
	case PHASE_FEEDING:
		job_give_back(job, GIVEBACK_ENGINE, "the container does not take the job's files");
		break;
	case PHASE_SAVING:
	case PHASE_COLLECTING:
		job_give_back(job, GIVEBACK_ENGINE, "collecting files took too long");
		break;
	default:
		break;
	}
}

/* ---- the way in ---- */

static void tell_started(struct job *job)
{
	struct msg msg;

	msg_init(&msg, MSG_STARTED);
	msg.started.id = job->id;
	msg.started.attempt = job->attempt;
	msg.started.started_ms = clock_unix_ms();
	(void)snprintf(msg.started.image, sizeof(msg.started.image), "%s", job->image_id);
	msg.started.isolation = (uint8_t)job->result.isolation;
	queue_link_tell(job->jobs->host.link, &msg);
}

static void on_box(struct box *box, void *arg)
{
	struct job *job = arg;

	job->box = box;
	box_take(box, &job_box_user, job);
	(void)snprintf(job->image_id, sizeof(job->image_id), "%s", box->image_id);
	job->result.isolation = box->shape.sandbox ? ISOLATION_SANDBOX : ISOLATION_CONTAINER;
	if (job->jobs->host.config->pin_jobs)
		processors_take(&job->jobs->processors, job->jobs->host.machine->cpus / 1000,
			job->plan->limits.v[LIMIT_CPUS], &job->place);
	job_move(job, PHASE_FEEDING);
	if (job_build_begin(job) == -ECANCELED)
		return;
	if (getrandom(job->nonce, sizeof(job->nonce), 0) != (ssize_t)sizeof(job->nonce) ||
		job_feed_start(job) < 0 || job_check_prepare(job) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return;
	}
	job_arm(job, FEED_MS);
	job_feed(job);
	if (job->phase != PHASE_OVER)
		tell_started(job);
}

/*
 * Where nothing was tried, that is no attempt. But an engine that is there and leaves this job's
 * calls without an answer again and again would have it tried for ever.
 */
void job_give_back_unboxed(struct job *job, enum engine_tried tried, const char *why)
{
	if (tried == ENGINE_UNANSWERED && job->attempt > UNANSWERED_MOST &&
		engine_is_up(job->jobs->host.engine))
		tried = ENGINE_TRIED;
	job_give_back(job, tried == ENGINE_TRIED ? GIVEBACK_ENGINE : GIVEBACK_BUSY, why);
}

static void on_no_box(const char *why, enum engine_tried tried, void *arg)
{
	struct job *job = arg;
	const char *advice = job->plan->task->gpus != NULL ? gpu_request_advice(why) : NULL;
	char text[800];

	if (advice != NULL) {
		(void)snprintf(text, sizeof(text), "%.400s; %s", why, advice);
		end_with_error(job, text);
		return;
	}
	job_give_back_unboxed(job, tried, why);
}

/* As a tmpfs holds them. */
static uint64_t files_bytes(const struct spec *spec)
{
	uint64_t page = 4096, bytes = 0;

	for (size_t i = 0; i < spec->n_files; i++)
		bytes += (spec->files[i].data.len + page - 1) / page * page;
	return bytes;
}

static void ask_for_box(struct job *job)
{
	struct pool_ticket *ticket = &job->ticket;
	struct box *box;
	struct err err;

	if (plan_set_path(job->plan, job->image->path, &err) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
		return;
	}
	ticket->task = job->plan->task;
	ticket->image = job->image;
	ticket->limits = job->plan->limits;
	ticket->gpus = job->gpus_text;
	ticket->gpu_mask = job->gpus_text != NULL ? job->gpus : 0;
	ticket->files_bytes = files_bytes(&job->spec);
	ticket->attempt = job->attempt;
	(void)snprintf(ticket->job, sizeof(ticket->job), "%s", job->text);
	ticket->got = on_box;
	ticket->failed = on_no_box;
	ticket->arg = job;
	job_move(job, PHASE_WAITING);
	box = pool_ask(job->jobs->host.pool, ticket);
	if (box != NULL)
		on_box(box, job);
}

static void on_image(struct image *image, const char *why, bool away, void *arg)
{
	struct job *job = arg;

	(void)image;
	job->calls--;
	if (job->phase != PHASE_RESOLVING) {
		event_active(job->jobs->reaper, EV_TIMEOUT, 0);
		return;
	}
	if (why == NULL)
		ask_for_box(job);
	else if (away)
		job_give_back(job, GIVEBACK_BUSY, why);
	else
		end_with_error(job, why);
}

/* An image that is missing is looked for once more: someone may have built it meanwhile. */
static void resolve(struct job *job)
{
	struct err err;

	job->image = images_get(job->jobs->host.images, job->plan->image);
	if (job->image == NULL) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
	} else if (image_is_ready(job->image)) {
		ask_for_box(job);
	} else if (image_resolve(job->image, on_image, job, &err) < 0) {
		cannot_begin(job, &err);
	} else {
		job->calls++;
	}
}

/* The input is the job's already. */
static int read_spec(struct job *job, const struct msg_run *run, struct err *err)
{
	uint8_t *data = NULL;
	int r = blob_read_all(&run->spec, SPEC_BYTES_MAX, &data, err);

	if (r == 0)
		r = spec_unpack(data, (size_t)run->spec.len, job->input.len, &job->spec, err);
	free(data);
	return r;
}

static struct job *job_new(struct jobs *jobs, struct msg_run *run)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->jobs = jobs;
	job->id = run->id;
	job->attempt = run->attempt;
	job_id_format(&job->id, job->text);
	if (trace_is_good(run->trace))
		memcpy(job->trace, run->trace, sizeof(job->trace));
	spec_init(&job->spec);
	result_init(&job->result);
	gather_init(&job->gather);
	job->early = (struct finding){ .verdict = VERDICT_MAX_, .limit = LIMIT_MAX_ };
	(void)snprintf(job->client, sizeof(job->client), "%s", run->client);
	job->input = run->input;
	run->input = BLOB_EMPTY;
	job->timer = evtimer_new(jobs->host.base, on_timer, job);
	if (job->timer == NULL) {
		job_free(job);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&jobs->list, job, link);
	jobs->n++;
	return job;
}

struct job *job_lookup(const struct jobs *jobs, const struct job_id *id, uint32_t attempt)
{
	struct job *job;

	TAILQ_FOREACH (job, &jobs->list, link)
		if (job->attempt == attempt && job_id_equal(&job->id, id))
			return job;
	return NULL;
}

/* Without a job of ours: straight back. */
static void refuse(
	struct jobs *jobs, const struct msg_run *run, enum giveback why, const char *reason)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_GIVEBACK);
	msg.giveback.id = run->id;
	msg.giveback.attempt = run->attempt;
	msg.giveback.why = (uint8_t)why;
	(void)snprintf(msg.giveback.reason, sizeof(msg.giveback.reason), "%s", reason);
	if (queue_link_keep(jobs->host.link, &msg, &err) < 0)
		msg_done(&msg);
}

void jobs_accept(struct jobs *jobs, struct msg_run *run)
{
	struct job *job;
	struct err err;

	if (job_lookup(jobs, &run->id, run->attempt) != NULL ||
		queue_link_keeps(jobs->host.link, &run->id, run->attempt))
		return;
	if (jobs->draining || !engine_is_up(jobs->host.engine) || jobs->n >= RUNNING_MAX) {
		refuse(jobs, run, jobs->draining ? GIVEBACK_DRAIN : GIVEBACK_BUSY,
			jobs->draining ? "the driver is stopping"
				       : "the engine is away or has its hands full");
		return;
	}
	job = job_new(jobs, run);
	if (job == NULL) {
		refuse(jobs, run, GIVEBACK_BUSY, "out of memory");
		return;
	}
	if (read_spec(job, run, &err) < 0 ||
		plan_make(jobs->host.config, run->task, &job->spec, &job->plan, &err) < 0 ||
		job_gpus_set(job, run->gpus, &err) < 0) {
		cannot_begin(job, &err);
		return;
	}
	job->files = job->spec.files;
	job->n_files = job->spec.n_files;
	job->files_in = &job->input;
	memcpy(job->plan->trace, job->trace, sizeof(job->trace));
	resolve(job);
}

/* ---- from outside ---- */

void jobs_stop(struct jobs *jobs, const struct msg_stop *stop)
{
	struct job *job = job_lookup(jobs, &stop->id, stop->attempt);

	if (job == NULL)
		return;
	if (stop->lease_lost) {
		log_info("job=%.12s attempt=%" PRIu32 " stopped: its lease is lost%s", job->text,
			job->attempt, trace_shown(job->trace).text);
		stop_in_box(job);
		set_over(job);
	} else {
		end_cancelled(job);
	}
}

static struct job *spool_asker(struct jobs *jobs, uint64_t token, enum gather_sink *ret_sink)
{
	struct job *job;

	TAILQ_FOREACH (job, &jobs->list, link)
		for (size_t i = 0; i < GATHER_MAX_; i++)
			if (token != 0 && job->spool_token[i] == token) {
				*ret_sink = (enum gather_sink)i;
				return job;
			}
	return NULL;
}

void jobs_spool(struct jobs *jobs, struct msg_spool *spool)
{
	enum gather_sink sink;
	struct job *job = spool_asker(jobs, spool->token, &sink);
	struct err err;
	int fd = spool->file.fd;

	if (job == NULL)
		return;
	job->spool_token[sink] = 0;
	if (fd < 0) {
		job_give_back(job, GIVEBACK_ENGINE, "the queue's answer has no spool file");
		return;
	}
	spool->file.fd = -1;
	if (gather_give(&job->gather, sink, fd, &err) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
		return;
	}
	if (job->phase == PHASE_SETTLING)
		job_settle(job);
	else if (job->box != NULL && gather_waiting(&job->gather) <= GATHER_PAUSE)
		job_hold(job, false);
	if (job->phase != PHASE_OVER)
		job_tap_news(job);
}

void jobs_refused(struct jobs *jobs, const struct msg_refused *refused)
{
	enum gather_sink sink;
	struct job *job = spool_asker(jobs, refused->token, &sink);

	if (job == NULL)
		return;
	if (gather_do_without(&job->gather, sink))
		job->spool_token[sink] = 0; /* its readers wait for the next one */
	else
		job_give_back(job, GIVEBACK_ENGINE,
			refused->detail[0] != '\0' ? refused->detail
						   : "the queue has no spool file");
}

void jobs_queue_back(struct jobs *jobs)
{
	struct job *job;

	TAILQ_FOREACH (job, &jobs->list, link)
		for (size_t i = 0; i < GATHER_MAX_; i++)
			if (job->spool_token[i] != 0)
				job_ask_spool(job, (enum gather_sink)i);
}

size_t jobs_count(const struct jobs *jobs)
{
	return jobs->n;
}

void jobs_pack(const struct jobs *jobs, struct packer *p)
{
	struct job *job;

	TAILQ_FOREACH (job, &jobs->list, link) {
		pack_raw(p, job->id.b, sizeof(job->id.b));
		pack_u32(p, job->attempt);
		pack_u64(p, job->gpus);
	}
}

void jobs_drain(struct jobs *jobs, bool all)
{
	struct job *job, *next;

	jobs->draining = true;
	for (job = TAILQ_FIRST(&jobs->list); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (all || job->phase == PHASE_RESOLVING || job->phase == PHASE_WAITING)
			job_give_back(job, GIVEBACK_DRAIN, "the driver is stopping");
	}
}

void jobs_engine_away(struct jobs *jobs, const char *why)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&jobs->list); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->phase == PHASE_RESOLVING || job->phase == PHASE_WAITING)
			job_give_back(job, GIVEBACK_BUSY, why);
	}
}

int jobs_new(const struct jobs_host *host, struct jobs **ret, struct err *err)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return err_set(err, ENOMEM, "jobs");
	jobs->host = *host;
	TAILQ_INIT(&jobs->list);
	TAILQ_INIT(&jobs->over);
	jobs->reaper = evtimer_new(host->base, reap, jobs);
	if (jobs->reaper == NULL) {
		free(jobs);
		return err_set(err, ENOMEM, "jobs");
	}
	*ret = jobs;
	return 0;
}

static void free_all(struct job_list *list)
{
	struct job *job;

	while ((job = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, job, link);
		job_free(job);
	}
}

void jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	free_all(&jobs->list);
	free_all(&jobs->over);
	event_free(jobs->reaper);
	free(jobs);
}
