/* SPDX-License-Identifier: MIT */
/*
 * dockgate-agent: PID 1 of a container that runs one job.
 *
 * Theory of operation
 *
 * The driver speaks frames (wire/frame.h) on our stdin and hears them on our
 * stdout. Everything that comes from the job's side is payload, never a
 * command. A checklist, in the order in which it happens:
 *
 *	as uid 0	block all signals; be not dumpable
 *			PREPARE: limits and uids
 *			find the container's cgroup, mount it in a child (cgroup.h)
 *			fork the keeper, which stays uid 0 without a capability
 *	as the agent	become the agent's uid with SETUID, SETGID, KILL and a
 *			filter that refuses every way back (rights.h)
 *			fork the killer (killer.h) and the spares (spare.h);
 *			the keeper puts each spare into a cgroup of its own
 *			READY: hours may pass
 *	for the job	START, FILE: write inputs as the job's uid (files.h)
 *			STEP: a spare gets its plan and becomes the program
 *			its end: when the first process has ended or a limit
 *			was passed, everything of the job's uid is killed, what
 *			is left in the pipes is read, STEP_END
 *			COLLECT: a child with the job's uid sends files
 *			DONE, exit
 *
 * One loop on poll(2): nothing blocks it, least of all a driver that does not
 * read, for then the job's pipes fill up and the clocks go on. Once a step
 * runs nothing is allocated and nothing forked. The end of stdin is the end of
 * the driver: PID 1 exits, and the kernel kills the rest of the container.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cgroup.h"
#include "collect.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "keeper.h"
#include "killer.h"
#include "pool.h"
#include "rights.h"
#include "run.h"

#define MORE_MAX (32 * 1024 * 1024)

struct agent agent;

/* --- frames of the driver -------------------------------------------------- */

static void on_prepare(const struct frame *frame)
{
	struct cgroup cgroup;
	struct err err;

	must(orders_prepare(frame->payload, frame->len, &agent.job, &err), &err);
	if (agent.job.sandbox)
		fault_say("sandbox: this agent cannot make one");
	disk_open_to_all();
	agent.container = cgroup_container_meter();
	if (cgroup_open(&cgroup, &err) < 0)
		pool_fall_back(err.msg);
	else
		must(keeper_fork(&cgroup, &agent.keeper_fd, &agent.keeper_pid, &err), &err);
	must(rights_become_agent(agent.job.agent_uid, &err), &err);
	must(killer_fork(agent.job.agent_uid, agent.job.job_uid, &agent.killer_fd,
		     &agent.killer_pid, &err),
		&err);
	agent.phase = PHASE_WARMING;
	pool_prepare(SPARES_WARM);
}

static void send_ready(void)
{
	uint8_t payload[FRAME_TEXT_MAX];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_u16(&p, FRAME_VERSION);
	pack_u8(&p, (uint8_t)agent.kind);
	pack_str(&p, agent.no_cgroup);
	(void)frame_out_put(&agent.out, FRAME_READY, payload, p.len);
	agent.phase = PHASE_WARM;
}

static void on_start(const struct frame *frame)
{
	if (frame->len != 32 + 4 + FRAME_NONCE_BYTES)
		fault_say("START malformed");
	memcpy(agent.nonce, frame->payload + 36, FRAME_NONCE_BYTES);
	agent.phase = PHASE_IDLE;
}

static void on_file(const struct frame *frame)
{
	static struct file_order order;
	struct err err;

	must(orders_file(frame->payload, frame->len, &order, &err), &err);
	must(input_begin(&agent.input, &order, &agent.job, &err), &err);
}

static void on_more(const struct frame *frame)
{
	pack_raw(&agent.more, frame->payload, frame->len);
	if (agent.more.failed || agent.more.len > MORE_MAX)
		fault_say("MORE: too much");
}

static void on_step(const struct frame *frame)
{
	struct err err;

	on_more(frame);
	must(orders_step(agent.more.buf, agent.more.len, &agent.job.limits, &agent.order, &err),
		&err);
	packer_done(&agent.more);
	agent.more = packer_growing();
	agent.job_stdin = true;
	run_begin();
}

static void on_collect(const struct frame *frame)
{
	struct collect_order order;
	struct err err;

	on_more(frame);
	must(orders_collect(agent.more.buf, agent.more.len, &order, &err), &err);
	agent.phase = PHASE_COLLECTING;
	if (order.n == 0)
		agent.collected = true;
	else
		must(collect_fork(&agent.job, &order, &agent.collect_fd, &agent.collect_pid, &err),
			&err);
	collect_order_done(&order);
}

static bool idle(void)
{
	return agent.phase == PHASE_IDLE && !agent.job_stdin && agent.input.fd < 0;
}

/* True when the frame was dealt with, false when it has to wait. */
static bool on_frame(const struct frame *frame)
{
	struct err err;

	if (agent.phase == PHASE_WAITING || agent.phase == PHASE_LIMITING)
		return false;
	/* It may come before the step's end; its turn is after that. */
	if (frame->type == FRAME_COLLECT && !agent.job_stdin && agent.phase >= PHASE_RUNNING &&
		agent.phase <= PHASE_DRAINING)
		return false;
	if (frame->type == FRAME_PREPARE && agent.phase == PHASE_NEW)
		on_prepare(frame);
	else if (frame->type == FRAME_START && agent.phase == PHASE_WARM)
		on_start(frame);
	else if (frame->type == FRAME_FILE && idle())
		on_file(frame);
	else if (frame->type == FRAME_FILE_DATA && agent.input.fd >= 0)
		must(input_data(&agent.input, frame->payload, frame->len, &err), &err);
	else if (frame->type == FRAME_MORE && idle())
		on_more(frame);
	else if (frame->type == FRAME_STEP && idle())
		on_step(frame);
	else if (frame->type == FRAME_STDIN && agent.job_stdin)
		return run_stdin(frame);
	else if (frame->type == FRAME_STDIN_END && agent.job_stdin) {
		agent.job_stdin = false;
		if (agent.step.spare.in_fd >= 0)
			(void)close(TAKE_FD(agent.step.spare.in_fd));
	} else if (frame->type == FRAME_COLLECT && idle())
		on_collect(frame);
	else
		fault_say("a frame that does not belong here");
	return true;
}

static void frames_read(void)
{
	struct frame frame;
	struct err err;
	int r;

	for (;;) {
		must(frame_in_fill(&agent.in, &err), &err);
		r = frame_in_peek(&agent.in, &frame, &err);
		must(r, &err);
		if (r == 0)
			break;
		if (!on_frame(&frame))
			return;
		frame_in_drop(&agent.in);
	}
	if (agent.in.eof)
		_exit(0);
}

/* --- other events ---------------------------------------------------------- */

static void reaped(pid_t pid, int status, const struct rusage *usage)
{
	if (pid == agent.keeper_pid && agent.keeper_fd < 0)
		return; /* after pool_fall_back() */
	if (pid == agent.keeper_pid || pid == agent.killer_pid)
		fault_say("the keeper or the killer died");
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state != SPARE_NONE && agent.spares[i].pid == pid)
			fault_say("a spare died");
	if (pid == agent.collect_pid)
		agent.collected = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	else
		step_reaped(&agent.step, pid, status, usage);
	if (pid == agent.collect_pid && !agent.collected)
		fault_say("the collector failed");
}

static void signals_read(void)
{
	struct signalfd_siginfo info[8];
	struct rusage usage;
	ssize_t n;
	int status;
	pid_t pid;

	while ((n = read(agent.signal_fd, info, sizeof(info))) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof(info[0]); i++)
			/* From outside of the container only: pid 0 is nobody in it. */
			if (info[i].ssi_signo == SIGTERM && info[i].ssi_pid == 0)
				_exit(0);
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		reaped(pid, status, &usage);
}

static void collector_read(void)
{
	static uint8_t message[1 + FRAME_PAYLOAD_MAX];

	while (agent.collect_fd >= 0 && frame_out_room(&agent.out) == FRAME_PAYLOAD_MAX) {
		ssize_t n = read(agent.collect_fd, message, sizeof(message));
		enum frame_type type = (enum frame_type)message[0];

		if (n < 0)
			return;
		if (n == 0) {
			(void)close(TAKE_FD(agent.collect_fd));
			return;
		}
		if (type != FRAME_GOT_FILE && type != FRAME_GOT_DATA && type != FRAME_SKIPPED)
			fault_say("the collector sent another type of frame");
		(void)frame_out_put(&agent.out, type, message + 1, (size_t)n - 1);
	}
}

/* Moves on what waits for no event of its own. */
static void advance(int64_t now_us)
{
	struct err err;
	enum limit limit;
	int answers;

	switch (agent.phase) {
	case PHASE_WARMING:
		if (pool_find(SPARE_FORKED) == NULL)
			send_ready();
		break;
	case PHASE_IDLE:
		/* Two steps and no spare left: there are many, the next ones are prepared now. */
		if (agent.steps >= SPARES_WARM && !frame_out_waiting(&agent.out) &&
			pool_find(SPARE_READY) == NULL && pool_find(SPARE_FORKED) == NULL)
			pool_prepare(SPARES_MAX);
		break;
	case PHASE_RUNNING:
		limit = step_check(&agent.step, now_us);
		if (limit != LIMIT_MAX_ || agent.step.reaped)
			run_finish(limit);
		break;
	case PHASE_ENDING:
		answers = killer_answers(agent.killer_fd, &err);
		must(answers, &err);
		agent.kill_pending = agent.kill_pending && answers == 0;
		if (!agent.kill_pending && agent.step.reaped && run_gone())
			agent.phase = PHASE_DRAINING;
		else if (now_us >= agent.kill_again_us)
			run_kill();
		break;
	case PHASE_COLLECTING:
		if (agent.collected && agent.collect_fd < 0 &&
			frame_out_put(&agent.out, FRAME_DONE, agent.nonce, FRAME_NONCE_BYTES) == 0)
			agent.phase = PHASE_LAST;
		break;
	case PHASE_LAST:
		if (!frame_out_waiting(&agent.out))
			_exit(0);
		break;
	default:
		break;
	}
}

/* --- the loop -------------------------------------------------------------- */

static int64_t next_us(void)
{
	if (agent.phase == PHASE_RUNNING)
		return step_next_us(&agent.step);
	return agent.phase == PHASE_ENDING ? agent.kill_again_us : INT64_MAX;
}

static void wait_until(struct pollfd *fds, nfds_t n, int64_t until_us)
{
	int64_t left = until_us - clock_us();
	struct timespec ts = { 0 };

	if (left > 0)
		ts = (struct timespec){ .tv_sec = left / 1000000,
			.tv_nsec = left % 1000000 * 1000 };
	(void)ppoll(fds, n, until_us == INT64_MAX ? NULL : &ts, NULL);
}

static short when(bool condition, short events)
{
	return (short)(condition ? events : 0);
}

/* Waits for what can move something. Descriptors of -1 are ignored by poll. */
static void wait_for_events(void)
{
	struct frame frame;
	struct err err;
	bool held = frame_in_peek(&agent.in, &frame, &err) == 1;
	bool running = agent.phase == PHASE_RUNNING;
	bool streams = agent.phase >= PHASE_RUNNING && agent.phase <= PHASE_DRAINING;
	struct spare *first = &agent.step.spare;
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = when(!held, POLLIN) },
		{ .fd = STDOUT_FILENO, .events = when(frame_out_waiting(&agent.out), POLLOUT) },
		{ .fd = agent.signal_fd, .events = POLLIN },
		{ .fd = agent.keeper_fd, .events = POLLIN },
		{ .fd = agent.phase == PHASE_ENDING ? agent.killer_fd : -1, .events = POLLIN },
		{ .fd = frame_out_room(&agent.out) == FRAME_PAYLOAD_MAX ? agent.collect_fd : -1,
			.events = POLLIN },
		{ .fd = streams && run_may_read(0) ? first->out_fd : -1, .events = POLLIN },
		{ .fd = streams && run_may_read(1) ? first->err_fd : -1, .events = POLLIN },
		{ .fd = running && held && frame.type == FRAME_STDIN ? first->in_fd : -1,
			.events = POLLOUT },
	};

	wait_until(fds, sizeof(fds) / sizeof(fds[0]), agent.moved ? 0 : next_us());
	if ((fds[0].revents & (POLLHUP | POLLERR)) != 0 || (fds[1].revents & POLLERR) != 0)
		_exit(0); /* the driver is gone */
}

static _Noreturn void loop(void)
{
	for (;;) {
		enum phase before = agent.phase;

		wait_for_events();
		signals_read();
		pool_read();
		frames_read();
		if (agent.phase == PHASE_WAITING && pool_find(SPARE_READY) != NULL)
			run_begin();
		run_pump();
		collector_read();
		advance(clock_us());
		if (frame_out_flush(&agent.out) < 0)
			_exit(0);
		agent.moved = agent.phase != before;
	}
}

static void start(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)umask(022);
	agent = (struct agent){ .signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK),
		.keeper_fd = -1,
		.killer_fd = -1,
		.collect_fd = -1,
		.container = METER_NONE,
		.input = { .fd = -1 },
		.ballast = BALLAST_NONE,
		.more = packer_growing(),
		.step = { .spare = SPARE_EMPTY },
		.in = { .fd = STDIN_FILENO },
		.out = { .fd = STDOUT_FILENO } };
	for (size_t i = 0; i < SPARES_MAX; i++)
		agent.spares[i] = SPARE_EMPTY;
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	(void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	if (agent.signal_fd < 0)
		fault_say("signalfd");
}

int main(void)
{
	start();
	if (getpid() != 1 || getuid() != 0)
		fault_say("the agent must be PID 1 and uid 0 of a container");
	loop();
}
