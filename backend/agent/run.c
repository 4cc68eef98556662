/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "keeper.h"
#include "killer.h"
#include "pool.h"

#define KILL_AGAIN_US 10000
#define NOBODY_EVER   0x7ffffffe /* a uid that no process in a container has */
#define READS_A_TURN  8          /* of one stream, before the other has its turn */

static bool limits_lowered(const struct limits *limits)
{
	static const enum limit kept[] = { LIMIT_MEMORY, LIMIT_PROCESSES, LIMIT_CPUS };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (limits->v[kept[i]] != agent.job.limits.v[kept[i]])
			return true;
	return false;
}

/* The spare to use: the one whose limits were lowered for the order, else any that is ready. */
static struct spare *spare_next(void)
{
	if (agent.limited != 0)
		return pool_numbered(agent.limited);
	if (pool_find(SPARE_READY) == NULL && pool_find(SPARE_FORKED) == NULL)
		pool_prepare(SPARES_MAX);
	return pool_find(SPARE_READY);
}

/* Asks for lower limits where there have to be any. True: wait for the answers. */
static bool limits_ask(const struct spare *spare)
{
	struct keeper_request request = {
		.op = KEEPER_LIMIT, .number = spare->number, .limits = agent.order.limits
	};
	struct err err;

	agent.limits_asked = 0;
	if (agent.keeper_fd >= 0 && limits_lowered(&agent.order.limits)) {
		must(keeper_ask(agent.keeper_fd, &request, &err), &err);
		agent.limits_asked++;
	}
	if (agent.job.sandbox && sandbox_limit(agent.order.limits.v[LIMIT_DISK]))
		agent.limits_asked++;
	agent.limited = spare->number;
	return agent.limits_asked > 0;
}

void run_begin(void)
{
	struct spare *spare = spare_next();
	struct err err;

	agent.phase = PHASE_WAITING;
	if (spare == NULL)
		return;
	if (agent.limited == 0 && limits_ask(spare)) {
		agent.phase = PHASE_LIMITING;
		return;
	}
	if (!agent.job.sandbox)
		must(disk_limit(&agent.ballast, agent.order.limits.v[LIMIT_DISK],
			     agent.job.agent_uid, agent.job.job_uid, &err),
			&err);
	agent.phase = PHASE_RUNNING;
	agent.limited = 0;
	agent.stdin_off = 0;
	agent.steps++;
	must(step_go(&agent.step, spare, &agent.order, &agent.container, &agent.ballast, &err),
		&err);
	step_order_done(&agent.order);
}

void run_kill(void)
{
	struct err err;

	agent.kill_again_us = clock_us() + KILL_AGAIN_US;
	agent.step.killed = true;
	if (agent.kill_pending)
		return;
	agent.kill_pending = true;
	agent.killed = KILLER_NO_ANSWER;
	must(killer_tell(agent.killer_fd, &err), &err);
}

static bool user_gone(uid_t uid)
{
	errno = 0;
	(void)getpriority(PRIO_USER, uid);
	return errno == ESRCH;
}

bool run_users_hidden(void)
{
	return !user_gone(NOBODY_EVER);
}

bool run_gone(void)
{
	if (agent.step.own_cgroup && agent.step.spare.meter.fd[FIGURE_PIDS_NOW] >= 0)
		return meter_read(&agent.step.spare.meter, FIGURE_PIDS_NOW) == 0;
	if (agent.users_hidden)
		return agent.killed == KILLER_FOUND_NONE;
	return user_gone(agent.job.job_uid);
}

bool run_is_overdue(void)
{
	const struct step *step = &agent.step;

	if (agent.phase == PHASE_ENDING)
		return step->killed_for == LIMIT_WALL;
	return agent.phase == PHASE_RUNNING &&
	       clock_us() >= step->go_us + step->limits.v[LIMIT_WALL] * 1000;
}

void run_finish(enum limit limit)
{
	if (limit != LIMIT_MAX_)
		step_end_for(&agent.step, limit, clock_us());
	if (agent.phase != PHASE_RUNNING)
		return;
	agent.phase = PHASE_ENDING;
	agent.killed = KILLER_NO_ANSWER; /* the last step's says nothing of this one */
	if (!agent.step.reaped || !run_gone())
		run_kill();
}

void run_tidy(void)
{
	struct keeper_request remove = { .op = KEEPER_REMOVE, .number = agent.used.number };
	struct err err;

	if (agent.used.state == SPARE_NONE)
		return;
	if (agent.keeper_fd >= 0)
		must(keeper_ask(agent.keeper_fd, &remove, &err), &err);
	spare_close(&agent.used);
}

static void step_report_end(void)
{
	struct step *step = &agent.step;
	uint8_t payload[FRAME_TEXT_MAX];
	struct err err;
	size_t n;

	step_settle(step);
	if (step->failed && step->failure.stage != SPARE_STAGE_EXEC) {
		(void)err_set(
			&err, step->failure.code, "%s", spare_stage_name(step->failure.stage));
		fault(&err);
	}
	n = step_report(step, agent.nonce, payload, sizeof(payload));
	(void)frame_out_put(&agent.out, FRAME_STEP_END, payload, n);
	run_tidy();
	agent.used = step->spare;
	step->spare = SPARE_EMPTY;
	agent.phase = PHASE_IDLE;
}

void run_abandon(void)
{
	run_tidy();
	agent.used = agent.step.spare;
	agent.step.spare = SPARE_EMPTY;
	step_order_done(&agent.order);
	agent.job_stdin = false;
	typed_begin(&agent.typed, false);
	agent.limited = 0;
}

/*
 * To all that a terminal's key would reach. The group's number is not another's, as long as
 * its first process has not been reaped.
 */
void run_signal(const struct frame *frame)
{
	int number = frame->len == 1 ? frame->payload[0] : 0;

	if (number < 1 || number >= NSIG)
		fault_say("SIGNAL malformed");
	if (agent.phase != PHASE_RUNNING || agent.step.reaped)
		return;
	/* It may not have come to be a group's first yet. */
	if (kill(-agent.step.spare.pid, number) < 0)
		(void)kill(agent.step.spare.pid, number);
}

void run_typed(void)
{
	if (!agent.typed.open || agent.phase < PHASE_RUNNING)
		return;
	/* Once the program has ended nobody waits to hear what became of it. */
	if (agent.phase == PHASE_RUNNING)
		typed_pump(&agent.typed, &agent.step.spare.in_fd, &agent.out);
	else
		typed_drop(&agent.typed);
}

static int *stream_fd(int stream)
{
	return stream == 0 ? &agent.step.spare.out_fd : &agent.step.spare.err_fd;
}

static uint64_t stream_left(int stream)
{
	uint64_t cap = (uint64_t)agent.step.limits.v[LIMIT_OUTPUT];
	uint64_t done = agent.step.bytes[stream];

	return done >= cap ? 0 : cap - done;
}

/* Past its cap a stream needs no room: it is only counted. */
bool run_may_read(int stream)
{
	return *stream_fd(stream) >= 0 &&
	       (stream_left(stream) == 0 || frame_out_room(&agent.out) == FRAME_PAYLOAD_MAX);
}

/* One read. True when there may be more at once. */
static bool stream_read(int stream)
{
	static uint8_t cut[FRAME_PAYLOAD_MAX];
	uint64_t left = stream_left(stream);
	int *fd = stream_fd(stream);
	uint8_t *to = left > 0 ? frame_out_payload(&agent.out) : cut;
	ssize_t n = read(*fd, to, FRAME_PAYLOAD_MAX);

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		fault_say("output cannot be read"); /* what is lost must not look like its end */
	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		(void)close(TAKE_FD(*fd));
		return false;
	}
	agent.step.bytes[stream] += (uint64_t)n;
	if (left > 0)
		frame_out_commit(&agent.out, stream == 0 ? FRAME_STDOUT : FRAME_STDERR,
			(uint64_t)n < left ? (size_t)n : (size_t)left);
	if (agent.job.kill_at_output && (uint64_t)n > left)
		run_finish(LIMIT_OUTPUT);
	return true;
}

/* True when nothing is left to read now, not because there is no room. */
static bool stream_pump(int stream)
{
	for (int i = 0; i < READS_A_TURN; i++) {
		if (*stream_fd(stream) < 0)
			return true;
		if (!run_may_read(stream))
			return false;
		if (!stream_read(stream))
			return true;
	}
	return false;
}

/* A STDIN frame, as far as the pipe takes it. True when it is done with. */
bool run_stdin(const struct frame *frame)
{
	int *fd = &agent.step.spare.in_fd;

	if (agent.phase != PHASE_RUNNING)
		agent.stdin_off = frame->len;
	while (*fd >= 0 && agent.stdin_off < frame->len) {
		ssize_t n =
			write(*fd, frame->payload + agent.stdin_off, frame->len - agent.stdin_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			(void)close(TAKE_FD(*fd)); /* the program has closed its end */
		else
			agent.stdin_off += (size_t)n;
	}
	agent.stdin_off = 0;
	return true;
}

void run_pump(bool readable)
{
	bool empty;

	if (agent.phase < PHASE_RUNNING || agent.phase > PHASE_DRAINING)
		return;
	/* What was there when nobody is left is all: it has to be read even if nothing was seen. */
	if (!readable && agent.phase != PHASE_DRAINING)
		return;
	empty = stream_pump(0);
	empty = stream_pump(1) && empty;
	/* Nobody writes any more: what was read is all. */
	if (agent.phase == PHASE_DRAINING && empty && frame_out_room(&agent.out) >= FRAME_TEXT_MAX)
		step_report_end();
}
