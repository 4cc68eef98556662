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
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "collect.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "files.h"
#include "frame_io.h"
#include "keeper.h"
#include "killer.h"
#include "orders.h"
#include "rights.h"
#include "step.h"
#include "wire/pack.h"

#define SPARES_WARM   2 /* prepared before the job: a build and a case, or a case */
#define SPARES_MAX    4 /* prepared at once when those are used up: one wait for all */
#define MORE_MAX      (32 * 1024 * 1024)
#define KILL_AGAIN_US 10000
#define READS_A_TURN  8 /* of one stream, before the others have theirs */
#define FAULT_WAIT_MS 2000

enum phase {
	PHASE_NEW,      /* PREPARE is awaited */
	PHASE_WARMING,  /* spares are being prepared */
	PHASE_WARM,     /* START is awaited */
	PHASE_IDLE,     /* FILE, STEP or COLLECT */
	PHASE_WAITING,  /* a step waits for a spare */
	PHASE_LIMITING, /* a step waits for its lower limits */
	PHASE_RUNNING,
	PHASE_ENDING,   /* being killed */
	PHASE_DRAINING, /* all are dead: the rest of the output */
	PHASE_COLLECTING,
	PHASE_LAST, /* DONE goes out */
};

struct agent {
	enum phase phase;
	int signal_fd, keeper_fd, killer_fd, collect_fd; /* -1: none */
	pid_t keeper_pid, killer_pid, collect_pid;
	bool kill_pending; /* the killer has not answered */
	int64_t kill_again_us;
	struct prepare_order job;
	enum frame_cgroup kind;
	struct meter container; /* opened where there is no cgroup of the job's own */
	char no_cgroup[256];
	uint8_t nonce[FRAME_NONCE_BYTES];
	struct spare spares[SPARES_MAX];
	unsigned int spares_made;
	bool job_stdin; /* STDIN_END is still to come */
	size_t stdin_off;
	struct input input;
	struct ballast ballast;
	struct packer more; /* payloads of MORE */
	struct step_order order;
	unsigned int limited; /* number of the spare whose cgroup has the order's limits; 0: none */
	struct step step;
	unsigned int steps;
	bool collected; /* the collector has ended well */
	bool moved;     /* the phase changed: look again before waiting */
	struct frame_in in;
	struct frame_out out;
};

static struct agent agent;

/* --- ends ------------------------------------------------------------- */

/* Our failure: say so, as far as the driver listens, and take everything along. */
static _Noreturn void fault(const struct err *err)
{
	struct pollfd p = { .fd = agent.out.fd, .events = POLLOUT };
	uint8_t text[FRAME_TEXT_MAX];
	struct packer payload = packer_fixed(text, sizeof(text));

	(void)fprintf(stderr, "agent: %s\n", err->msg);
	pack_str(&payload, err->msg);
	for (int64_t until = clock_us() + FAULT_WAIT_MS * 1000; clock_us() < until;) {
		if (payload.len > 0 &&
			frame_out_put(&agent.out, FRAME_FAULT, text, payload.len) == 0)
			payload.len = 0;
		if (frame_out_flush(&agent.out) < 0 ||
			(payload.len == 0 && !frame_out_waiting(&agent.out)))
			break;
		(void)poll(&p, 1, FAULT_WAIT_MS);
	}
	_exit(1);
}

static void must(int r, const struct err *err)
{
	if (r < 0)
		fault(err);
}

static _Noreturn void fault_say(const char *text)
{
	struct err err;

	(void)err_say(&err, EPROTO, "%s", text);
	fault(&err);
}

/* --- spares ----------------------------------------------------------- */

static struct spare *spare_in(enum spare_state state)
{
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state == state)
			return &agent.spares[i];
	return NULL;
}

static void spares_prepare(size_t count)
{
	struct err err;

	for (size_t i = 0; i < count && i < SPARES_MAX; i++) {
		struct keeper_request request = { .op = KEEPER_PLACE,
			.number = ++agent.spares_made,
			.limits = agent.job.limits };
		struct spare *spare = spare_in(SPARE_NONE);

		if (spare == NULL)
			return;
		must(spare_fork(&agent.job, request.number, spare, &err), &err);
		request.pid = spare->pid;
		if (agent.keeper_fd < 0)
			spare->state = SPARE_READY;
		else
			must(keeper_ask(agent.keeper_fd, &request, &err), &err);
	}
}

static struct spare *spare_numbered(unsigned int number)
{
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state != SPARE_NONE && agent.spares[i].number == number)
			return &agent.spares[i];
	return NULL;
}

/*
 * No cgroup of our own after all, found out with the first spare: the keeper
 * goes, the container's cgroup is what counts.
 */
static void fall_back(const char *why)
{
	(void)snprintf(agent.no_cgroup, sizeof(agent.no_cgroup), "%.255s", why);
	agent.kind = FRAME_CGROUP_CONTAINER;
	if (agent.keeper_fd >= 0)
		(void)close(TAKE_FD(agent.keeper_fd));
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state == SPARE_FORKED)
			agent.spares[i].state = SPARE_READY;
}

static void keeper_answered(const struct keeper_reply *reply, struct meter *meter)
{
	struct spare *spare = spare_numbered(reply->number);

	if (reply->err.code != 0 && agent.phase == PHASE_WARMING) {
		fall_back(reply->err.msg);
		return;
	}
	must(-reply->err.code, &reply->err);
	if (reply->op == KEEPER_LIMIT) {
		agent.phase = PHASE_WAITING; /* with limits that are its own now */
		return;
	}
	if (spare == NULL)
		fault_say("an answer about a spare that is none");
	agent.kind = reply->kind;
	spare->meter = *meter;
	spare->state = SPARE_READY;
}

static void keeper_read(void)
{
	struct keeper_reply reply;
	struct meter meter;
	struct err err;
	int r;

	while (agent.keeper_fd >= 0 &&
		(r = keeper_answer(agent.keeper_fd, &reply, &meter, &err)) != 0) {
		must(r, &err);
		keeper_answered(&reply, &meter);
	}
}

/* --- the way of a step ------------------------------------------------ */

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
		return spare_numbered(agent.limited);
	if (spare_in(SPARE_READY) == NULL && spare_in(SPARE_FORKED) == NULL)
		spares_prepare(SPARES_MAX);
	return spare_in(SPARE_READY);
}

static void limits_ask(const struct spare *spare)
{
	struct keeper_request request = {
		.op = KEEPER_LIMIT, .number = spare->number, .limits = agent.order.limits
	};
	struct err err;

	must(keeper_ask(agent.keeper_fd, &request, &err), &err);
	agent.limited = spare->number;
	agent.phase = PHASE_LIMITING;
}

static void step_begin(void)
{
	struct spare *spare = spare_next();
	struct err err;

	agent.phase = PHASE_WAITING;
	if (spare == NULL)
		return;
	if (agent.limited == 0 && agent.keeper_fd >= 0 && limits_lowered(&agent.order.limits)) {
		limits_ask(spare);
		return;
	}
	must(disk_limit(&agent.ballast, agent.order.limits.v[LIMIT_DISK], agent.job.agent_uid,
		     agent.job.job_uid, &err),
		&err);
	agent.phase = PHASE_RUNNING;
	agent.limited = 0;
	agent.stdin_off = 0;
	agent.steps++;
	must(step_go(&agent.step, spare, &agent.order, &agent.container, &agent.ballast, &err),
		&err);
	step_order_done(&agent.order);
}

static void job_kill(void)
{
	struct err err;

	agent.kill_again_us = clock_us() + KILL_AGAIN_US;
	if (agent.kill_pending)
		return;
	agent.kill_pending = true;
	must(killer_tell(agent.killer_fd, &err), &err);
}

/* No process, not even a dead one, has the job's uid. */
static bool job_gone(void)
{
	errno = 0;
	(void)getpriority(PRIO_USER, agent.job.job_uid);
	return errno == ESRCH;
}

static void step_finish(enum limit limit)
{
	if (limit != LIMIT_MAX_)
		step_end_for(&agent.step, limit, clock_us());
	if (agent.phase != PHASE_RUNNING)
		return;
	agent.phase = PHASE_ENDING;
	if (!agent.step.reaped || !job_gone())
		job_kill();
}

static void step_report_end(void)
{
	struct keeper_request remove = { .op = KEEPER_REMOVE, .number = agent.step.spare.number };
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
	spare_close(&step->spare);
	if (agent.keeper_fd >= 0)
		must(keeper_ask(agent.keeper_fd, &remove, &err), &err);
	agent.phase = PHASE_IDLE;
}

/* --- output and input of the program ---------------------------------- */

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
static bool stream_may_read(int stream)
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
		step_finish(LIMIT_OUTPUT);
	return true;
}

/* True when nothing is left to read now, not because there is no room. */
static bool stream_pump(int stream)
{
	for (int i = 0; i < READS_A_TURN; i++) {
		if (*stream_fd(stream) < 0)
			return true;
		if (!stream_may_read(stream))
			return false;
		if (!stream_read(stream))
			return true;
	}
	return false;
}

/* A STDIN frame, as far as the pipe takes it. True when it is done with. */
static bool stdin_write(const struct frame *frame)
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

/* --- frames of the driver --------------------------------------------- */

static void on_prepare(const struct frame *frame)
{
	struct cgroup cgroup;
	struct err err;

	must(orders_prepare(frame->payload, frame->len, &agent.job, &err), &err);
	disk_open_to_all();
	agent.container = cgroup_container_meter();
	if (cgroup_open(&cgroup, &err) < 0)
		fall_back(err.msg);
	else
		must(keeper_fork(&cgroup, &agent.keeper_fd, &agent.keeper_pid, &err), &err);
	must(rights_become_agent(agent.job.agent_uid, &err), &err);
	must(killer_fork(agent.job.agent_uid, agent.job.job_uid, &agent.killer_fd,
		     &agent.killer_pid, &err),
		&err);
	agent.phase = PHASE_WARMING;
	spares_prepare(SPARES_WARM);
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
	step_begin();
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
		return stdin_write(frame);
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

/* --- the other events ------------------------------------------------- */

static void reaped(pid_t pid, int status, const struct rusage *usage)
{
	if (pid == agent.keeper_pid && agent.keeper_fd < 0)
		return; /* after fall_back() */
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
		if (spare_in(SPARE_FORKED) == NULL)
			send_ready();
		break;
	case PHASE_IDLE:
		/* Two steps and no spare left: there are many, the next ones are prepared now. */
		if (agent.steps >= SPARES_WARM && !frame_out_waiting(&agent.out) &&
			spare_in(SPARE_READY) == NULL && spare_in(SPARE_FORKED) == NULL)
			spares_prepare(SPARES_MAX);
		break;
	case PHASE_RUNNING:
		limit = step_check(&agent.step, now_us);
		if (limit != LIMIT_MAX_ || agent.step.reaped)
			step_finish(limit);
		break;
	case PHASE_ENDING:
		answers = killer_answers(agent.killer_fd, &err);
		must(answers, &err);
		agent.kill_pending = agent.kill_pending && answers == 0;
		if (!agent.kill_pending && agent.step.reaped && job_gone())
			agent.phase = PHASE_DRAINING;
		else if (now_us >= agent.kill_again_us)
			job_kill();
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

static void streams_pump(void)
{
	bool empty;

	if (agent.phase < PHASE_RUNNING || agent.phase > PHASE_DRAINING)
		return;
	empty = stream_pump(0);
	empty = stream_pump(1) && empty;
	/* Nobody writes any more: what was read is all. */
	if (agent.phase == PHASE_DRAINING && empty && frame_out_room(&agent.out) >= FRAME_TEXT_MAX)
		step_report_end();
}

/* --- the loop --------------------------------------------------------- */

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
		{ .fd = streams && stream_may_read(0) ? first->out_fd : -1, .events = POLLIN },
		{ .fd = streams && stream_may_read(1) ? first->err_fd : -1, .events = POLLIN },
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
		keeper_read();
		frames_read();
		if (agent.phase == PHASE_WAITING && spare_in(SPARE_READY) != NULL)
			step_begin();
		streams_pump();
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
