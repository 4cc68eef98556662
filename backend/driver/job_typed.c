/* SPDX-License-Identifier: MIT */
/*
 * What is typed for a job while it runs, and signals for it. Bytes are kept here in order,
 * bounded, and go to the agent as its program takes them. Whoever brought them is told once
 * few are left, or after a while: so one who sends piece after piece keeps pace with the
 * program, and the next piece for a program that does not read is refused.
 */
#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "job_internal.h"

#define TYPED_KEPT (64 * 1024) /* more than that waits already: no more is taken */
#define TYPED_EASY (16 * 1024) /* so few that whoever brought them need not wait */
#define TOLD_MS    500

static void tell(struct jobs *jobs, uint64_t gate, uint64_t token, unsigned why, const char *detail)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_INPUT_TAKEN);
	msg.input_taken.gate = gate;
	msg.input_taken.token = token;
	msg.input_taken.why = (uint8_t)why;
	(void)snprintf(msg.input_taken.detail, sizeof(msg.input_taken.detail), "%s", detail);
	queue_link_tell(jobs->host.link, &msg);
}

static void tell_askers(struct job *job)
{
	struct typed *typed = &job->typed;

	for (size_t i = 0; i < typed->n_askers; i++)
		tell(job->jobs, typed->askers[i].gate, typed->askers[i].token, REFUSAL_MAX_, "");
	typed->n_askers = 0;
	if (typed->timer != NULL)
		(void)event_del(typed->timer);
}

static void on_typed_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_askers(arg);
}

void job_typed_done(struct job *job)
{
	struct typed *typed = &job->typed;

	tell_askers(job);
	if (typed->timer != NULL)
		event_free(typed->timer);
	if (typed->bytes != NULL)
		evbuffer_free(typed->bytes);
	*typed = (struct typed){ 0 };
}

/* The program that the input is for has been ordered, and its end not been told. */
static bool is_open(const struct job *job)
{
	return job->phase == PHASE_STEPPING && job->plan->steps[job->step].open_stdin;
}

static size_t kept(const struct job *job)
{
	return job->typed.bytes == NULL ? 0 : evbuffer_get_length(job->typed.bytes);
}

static int put_typed(struct job *job)
{
	struct typed *typed = &job->typed;
	struct evbuffer *out = box_output(job->box);
	size_t n;
	int r = 0;

	while (r == 0 && (n = kept(job)) > 0 && typed->ahead < FRAME_TYPED_MAX) {
		if (n > FRAME_TYPED_MAX - typed->ahead)
			n = FRAME_TYPED_MAX - typed->ahead;
		r = frames_put(out, FRAME_STDIN, evbuffer_pullup(typed->bytes, (ev_ssize_t)n), n);
		(void)evbuffer_drain(typed->bytes, n);
		typed->ahead += (uint32_t)n;
	}
	if (r == 0 && typed->end && kept(job) == 0 && !job->stdin_done) {
		job->stdin_done = true;
		r = frames_put(out, FRAME_STDIN_END, NULL, 0);
	}
	return r;
}

void job_typed_feed(struct job *job)
{
	if (put_typed(job) < 0)
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
	else if (kept(job) + job->typed.ahead <= TYPED_EASY)
		tell_askers(job);
}

int job_typed_taken(struct job *job, uint32_t bytes)
{
	if (bytes > job->typed.ahead)
		return -EPROTO;
	job->typed.ahead -= bytes;
	if (is_open(job))
		job_feed(job);
	return 0;
}

/* ---- from outside ---- */

/* REFUSAL_MAX_: it can be taken. */
static enum refusal refusal_of(
	const struct job *job, const struct msg_input *input, const char **ret_detail)
{
	if (!job->spec.open_stdin)
		*ret_detail = "the job's stdin is not open: it was not submitted with \"stdin\": "
			      "\"open\"";
	else if (job->phase > PHASE_STEPPING)
		*ret_detail = "the job's program has ended";
	else if (input->signal != 0 && !is_open(job))
		*ret_detail = "the job's program has not started";
	else if (input->signal == 0 && job->typed.end)
		*ret_detail = "the job's input has ended";
	else if (input->data.len == 0 || kept(job) <= TYPED_KEPT)
		return REFUSAL_MAX_;
	else {
		*ret_detail = "the program does not read its input as fast as it comes";
		return REFUSAL_INPUT_FULL;
	}
	return REFUSAL_NO_INPUT;
}

static int take(struct job *job, const struct msg_input *input, struct err *err)
{
	struct typed *typed = &job->typed;
	cleanup_free uint8_t *data = NULL;
	uint8_t number = input->signal;
	int r;

	if (number != 0)
		return frames_put(box_output(job->box), FRAME_SIGNAL, &number, 1) < 0
			       ? err_set(err, ENOMEM, "signal")
			       : 0;
	if (typed->bytes == NULL)
		typed->bytes = evbuffer_new();
	r = blob_read_all(&input->data, INPUT_BYTES_MAX, &data, err);
	if (r < 0)
		return r;
	if (typed->bytes == NULL || evbuffer_add(typed->bytes, data, (size_t)input->data.len) < 0)
		return err_set(err, ENOMEM, "input");
	typed->end = input->end != 0;
	return 0;
}

/* False: it need not wait, or there is no room for one more to do so. */
static bool add_asker(struct job *job, const struct msg_input *input)
{
	struct typed *typed = &job->typed;
	const struct timeval wait = { .tv_usec = TOLD_MS * 1000 };

	if (!is_open(job) || input->signal != 0 || typed->n_askers == TYPED_ASKERS_MAX ||
		kept(job) == 0)
		return false;
	if (typed->timer == NULL)
		typed->timer = evtimer_new(job->jobs->host.base, on_typed_timer, job);
	if (typed->timer == NULL || event_add(typed->timer, &wait) < 0)
		return false;
	typed->askers[typed->n_askers].gate = input->gate;
	typed->askers[typed->n_askers++].token = input->token;
	return true;
}

void jobs_input(struct jobs *jobs, const struct msg_input *input)
{
	struct job *job = job_lookup(jobs, &input->id, input->attempt);
	enum refusal why = REFUSAL_NOT_READY;
	const char *detail = "the job is on its way to its container, or has just ended";
	struct err err;

	if (job != NULL)
		why = refusal_of(job, input, &detail);
	if (why == REFUSAL_MAX_ && take(job, input, &err) < 0) {
		why = REFUSAL_NOT_READY;
		detail = err.msg;
	}
	if (why != REFUSAL_MAX_) {
		tell(jobs, input->gate, input->token, why, detail);
		return;
	}
	if (is_open(job))
		job_feed(job);
	if (job->phase == PHASE_OVER || !add_asker(job, input))
		tell(jobs, input->gate, input->token, REFUSAL_MAX_, "");
}
