/* SPDX-License-Identifier: MIT */
/*
 * Who reads along while a job runs. A reader says what it has (MSG_TAP) and is told once,
 * when there is more: so it cannot be flooded, and one that does not ask costs nothing. The
 * bytes themselves are in the spool's files, which a reader gets a descriptor of: however
 * slowly it reads, the program is not held back.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "job_internal.h"

#define TAP_PAUSE_US 5000 /* between two answers of a job: many small writes are one */

struct tap {
	struct tap *next;
	struct msg_tap ask;
};

static const enum gather_sink shown[] = { GATHER_OUT, GATHER_ERR };

/* Asks for the files that readers need; false: one is on its way. */
static bool has_files(struct job *job)
{
	bool all = true;

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (gather_total(&job->gather, shown[i]) == 0 ||
			gather_has_file(&job->gather, shown[i]))
			continue;
		all = false;
		if (gather_want_file(&job->gather, shown[i]))
			job_ask_spool(job, shown[i]);
	}
	return all;
}

static bool has_news(const struct job *job, const struct tap *tap)
{
	return gather_total(&job->gather, GATHER_OUT) > tap->ask.out_bytes ||
	       gather_total(&job->gather, GATHER_ERR) > tap->ask.err_bytes ||
	       job_steps_ended(job) > tap->ask.steps;
}

static bool any_news(const struct job *job)
{
	for (const struct tap *tap = job->taps; tap != NULL; tap = tap->next)
		if (has_news(job, tap))
			return true;
	return false;
}

/* The descriptors are lent to the message: they are the sinks'. */
static int fill(struct job *job, const struct tap *tap, struct msg_progress *msg, struct err *err)
{
	size_t from = tap->ask.steps < job_steps_ended(job) ? tap->ask.steps : job_steps_ended(job);
	struct result steps;
	int out_fd = -1, err_fd = -1;
	int r = gather_shown(&job->gather, GATHER_OUT, &out_fd, err);

	if (r == 0)
		r = gather_shown(&job->gather, GATHER_ERR, &err_fd, err);
	if (r < 0)
		return r;
	msg->gate = tap->ask.gate;
	msg->token = tap->ask.token;
	msg->id = job->id;
	msg->attempt = job->attempt;
	msg->has_build = job->plan->steps[0].build;
	msg->has_cases = job->spec.n_cases > 0;
	msg->out_bytes = gather_total(&job->gather, GATHER_OUT);
	msg->err_bytes = gather_total(&job->gather, GATHER_ERR);
	msg->from_step = (uint32_t)from;
	result_init(&steps);
	steps.steps = job->result.steps + from;
	steps.n_steps = job_steps_ended(job) - from;
	if (steps.n_steps > 0 && result_pack(&steps, &msg->steps, err) < 0)
		return -err->code;
	if ((tap->ask.have & TAP_OUT) == 0)
		msg->out.fd = out_fd;
	if ((tap->ask.have & TAP_ERR) == 0)
		msg->err.fd = err_fd;
	return 0;
}

static void answer(struct job *job, const struct tap *tap)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_PROGRESS);
	if (fill(job, tap, &msg.progress, &err) == 0)
		queue_link_tell(job->jobs->host.link, &msg);
	else
		log_warning("job=%.12s its readers are not told: %s", job->text, err.msg);
	msg.progress.out.fd = msg.progress.err.fd = -1;
	msg_done(&msg);
}

static void on_tap_timer(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;
	struct tap **at = &job->taps;

	(void)fd;
	(void)what;
	if (!has_files(job))
		return; /* their coming is news */
	while (*at != NULL) {
		struct tap *tap = *at;

		if (!has_news(job, tap)) {
			at = &tap->next;
			continue;
		}
		answer(job, tap);
		*at = tap->next;
		free(tap);
	}
	job->tapped_us = clock_us();
}

void job_tap_news(struct job *job)
{
	int64_t wait_us = job->tapped_us + TAP_PAUSE_US - clock_us();
	const struct timeval wait = { .tv_usec = wait_us > 0 ? wait_us : 0 };

	if (job->taps == NULL || event_pending(job->tap_timer, EV_TIMEOUT, NULL) || !any_news(job))
		return;
	(void)event_add(job->tap_timer, &wait);
}

void job_tap_done(struct job *job)
{
	while (job->taps != NULL) {
		struct tap *tap = job->taps;

		job->taps = tap->next;
		free(tap);
	}
	if (job->tap_timer != NULL)
		event_free(job->tap_timer);
	job->tap_timer = NULL;
}

/* That gateway's, which this one takes the place of, or a new one. */
static struct tap *tap_of(struct job *job, uint64_t gate)
{
	struct tap *tap;

	for (tap = job->taps; tap != NULL; tap = tap->next)
		if (tap->ask.gate == gate)
			return tap;
	tap = calloc(1, sizeof(*tap));
	if (tap == NULL)
		return NULL;
	tap->next = job->taps;
	job->taps = tap;
	return tap;
}

void jobs_tap(struct jobs *jobs, const struct msg_tap *ask)
{
	struct job *job = job_lookup(jobs, &ask->id, ask->attempt);
	struct tap *tap;

	if (job == NULL)
		return;
	if (job->tap_timer == NULL)
		job->tap_timer = evtimer_new(jobs->host.base, on_tap_timer, job);
	tap = job->tap_timer == NULL ? NULL : tap_of(job, ask->gate);
	if (tap == NULL)
		return; /* no memory: it asks again */
	tap->ask = *ask;
	job_tap_news(job);
}
