/* SPDX-License-Identifier: MIT */
/*
 * Telling the queue which cases have ended, for those who look at a job while it runs: all of
 * them, at most every CASES_MS, and never of a job that has one case or is over sooner.
 */
#include <string.h>

#include "common/log.h"
#include "job_internal.h"

#define CASES_MS 100

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	cleanup_msg struct msg msg;
	struct job *job = arg;
	struct result steps;
	struct err err;

	(void)fd;
	(void)what;
	msg_init(&msg, MSG_CASES);
	msg.cases.id = job->id;
	msg.cases.attempt = job->attempt;
	result_init(&steps);
	steps.steps = job->result.steps;
	steps.n_steps = job_steps_ended(job);
	if (result_pack(&steps, &msg.cases.steps, &err) < 0)
		log_warning("job=%.12s its cases are not shown: %s", job->text, err.msg);
	else if (msg.cases.steps.len <= MSG_CASES_MAX)
		queue_link_tell(job->jobs->host.link, &msg);
}

void job_cases_news(struct job *job)
{
	const struct timeval wait = { .tv_usec = CASES_MS * 1000 };

	if (job->spec.n_cases < 2)
		return;
	if (job->cases_timer == NULL)
		job->cases_timer = evtimer_new(job->jobs->host.base, on_timer, job);
	if (job->cases_timer != NULL && !event_pending(job->cases_timer, EV_TIMEOUT, NULL))
		(void)event_add(job->cases_timer, &wait);
}

void job_cases_done(struct job *job)
{
	if (job->cases_timer != NULL)
		event_free(job->cases_timer);
	job->cases_timer = NULL;
}
