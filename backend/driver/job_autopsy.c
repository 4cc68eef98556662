/* SPDX-License-Identifier: MIT */
/*
 * The agent is gone in the middle of a job, or has said nothing by the end of our own clock: the
 * engine is asked about its container, and what it says decides whether that was the program's
 * doing or our failure.
 *
 *	gone ──────────────────────────────────────────────► inspect ─► memory_limit, given back
 *	                                                      ▲    │
 *	silent ─► read once more ─► SIGTERM to the agent ─────┘    └──► wall_time_limit, given back
 *
 * The agent ends a step at its wall clock and says so. Where nothing came, the stream may be what
 * broke, so that the agent is asked by a way around it: SIGTERM, which it takes from outside of
 * the container only, ends it, and its exit status says whether the program had outstayed its
 * time. An agent that does not even end is frozen. Nothing of ours does that: the limit is passed,
 * and the program has its verdict.
 */
#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "container.h"
#include "job_internal.h"

#define AGAIN_MS   200 /* between two looks at a container */
#define LOOKS_MOST 10  /* at one whose agent was told to end */

static void inspect(struct job *job);

/* ---- what it was ---- */

/* Out of memory: the container as a whole died, its agent too. */
static void die_of_memory(struct job *job)
{
	struct evidence ev;

	job_evidence_so_far(job, &ev);
	if (job->result.n_steps > job->step) /* between steps, or while collecting */
		return job_give_back(job, GIVEBACK_ENGINE, "the container ran out of memory");
	ev.oom_kills = 1;
	ev.memory_peak = job->plan->steps[job->step].limits.v[LIMIT_MEMORY];
	if (job_take_step(job, &ev, "the whole container ran out of memory", true) < 0)
		return job_give_back(job, GIVEBACK_ENGINE, "out of memory");
	job_leave_box(job, false);
	job_settle(job);
}

/* The program is there beyond its time. */
static void end_at_wall_clock(struct job *job)
{
	struct evidence ev;

	job_evidence_so_far(job, &ev);
	ev.wall_us = job->late_us - job->step_start_us;
	ev.killed_for = LIMIT_WALL;
	if (job_take_step(job, &ev, "", true) < 0) {
		job_give_back(job, GIVEBACK_ENGINE, "out of memory");
		return;
	}
	job_leave_box(job, false); /* removal kills it; the ending does not wait for that */
	job_settle(job);
}

static void judge_gone(struct job *job, const struct container_state *state)
{
	/* The word of the memory's end comes by another way: ask once more. */
	bool killed = state->running || state->exit_code == 137;

	if (killed && job->looks == 0)
		job_arm(job, AGAIN_MS);
	else
		job_give_back(job, GIVEBACK_ENGINE, job->broken_why);
}

static void judge_silent(struct job *job, const struct container_state *state)
{
	if (state->running && job->looks < LOOKS_MOST)
		job_arm(job, AGAIN_MS);
	else if (state->running || state->exit_code == AGENT_EXIT_OVERDUE)
		end_at_wall_clock(job);
	else
		job_give_back(job, GIVEBACK_ENGINE, job->broken_why);
}

/* ---- asking ---- */

static void on_inspected(const struct engine_reply *reply, void *arg)
{
	struct job *job = arg;
	struct container_state state;
	struct err err;

	job->calls--;
	if (job->phase != PHASE_AUTOPSY) {
		event_active(job->jobs->reaper, EV_TIMEOUT, 0);
		return;
	}
	if (container_read_state(reply, &state, &err) < 0)
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
	else if (state.oom && !job->box->oom_seen) /* else it may have been another job's memory */
		die_of_memory(job);
	else if (job->silent)
		judge_silent(job, &state);
	else
		judge_gone(job, &state);
}

static void call(struct job *job, const char *method, const char *what, engine_done_fn done)
{
	char path[200];
	struct err err;

	(void)snprintf(path, sizeof(path), "/containers/%s/%s", job->box->name, what);
	if (engine_call(job->jobs->host.engine,
		    &(struct engine_request){ .method = method, .path = path }, done, job,
		    &err) < 0)
		job_give_back(job, GIVEBACK_ENGINE, err.msg);
	else
		job->calls++;
}

static void inspect(struct job *job)
{
	call(job, "GET", "json", on_inspected);
}

/* 409: it does not run, or is paused. */
static void on_told(const struct engine_reply *reply, void *arg)
{
	struct job *job = arg;

	job->calls--;
	if (job->phase != PHASE_AUTOPSY)
		event_active(job->jobs->reaper, EV_TIMEOUT, 0);
	else if (reply->fault != ENGINE_FINE && reply->status != 409)
		job_give_back(job, GIVEBACK_ENGINE, reply->why);
	else
		inspect(job);
}

void job_autopsy_gone(struct job *job, const char *why)
{
	if (job->phase == PHASE_AUTOPSY)
		return;
	(void)snprintf(job->broken_why, sizeof(job->broken_why), "the container ended: %s", why);
	job_move(job, PHASE_AUTOPSY);
	(void)event_del(job->timer);
	inspect(job);
}

void job_autopsy_late(struct job *job)
{
	/* The queue is who is late. */
	if (job->held_since_us != 0) {
		job_arm(job, AGAIN_MS);
		return;
	}
	/* We may be: what has come meanwhile is read before, and more of it after a halt. */
	if (job->late_us == 0) {
		job->late_us = clock_us();
		job_arm(job, job->held_us > 0 ? job->jobs->host.config->grace_ms : AGAIN_MS);
		return;
	}
	(void)snprintf(job->broken_why, sizeof(job->broken_why),
		"the stream of its container fell silent");
	job->silent = true;
	job_move(job, PHASE_AUTOPSY);
	attach_pause(job->box->attach, true);
	call(job, "POST", "kill?signal=SIGTERM", on_told);
}

void job_autopsy_again(struct job *job)
{
	job->looks++;
	inspect(job);
}
