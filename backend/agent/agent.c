/* SPDX-License-Identifier: MIT */
/*
 * dockgate-agent: PID 1 of a container that runs one job, or, as a slot, one
 * after the other.
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
 *	as the agent	become the agent's uid with SETUID, SETGID, KILL
 *			in a slot: fork the nursery (nursery.h)
 *			load a filter that refuses every way back (rights.h)
 *			fork the killer (killer.h) and the spares (spare.h), in a
 *			slot have the nursery make a sandbox with a spare in it
 *			(sandbox.h); the keeper puts each spare into a cgroup
 *			READY: hours may pass
 *	for the job	START, FILE: write inputs as the job's uid (files.h)
 *			STEP: a spare gets its plan and becomes the program
 *			its end: when the first process has ended or a limit
 *			was passed, everything of the job's uid is killed, what
 *			is left in the pipes is read, STEP_END
 *			COLLECT: a child with the job's uid sends files
 *			DONE, exit; in a slot: leave the sandbox, enter the one
 *			that was prepared meanwhile, READY
 *
 * One loop on poll(2): nothing blocks it, least of all a driver that does not
 * read, for then the job's pipes fill up and the clocks go on. Once a step
 * runs nothing is allocated, and nothing forked but what a later one may need.
 * The end of stdin is the end of the driver: PID 1 exits, and the kernel kills
 * the rest of the container.
 */
#include <errno.h>
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
#include "names.h"
#include "nursery.h"
#include "pool.h"
#include "rights.h"
#include "run.h"

#define MORE_MAX       (32 * 1024 * 1024)
#define OUT_PIPE_BYTES (1024 * 1024) /* of the way to the engine, where it is a pipe */
/* A sandbox that holds more memory than this is gone before the next job: theirs would add up. */
#define HEAVY_BYTES   (4 * 1024 * 1024)
#define FLUSH_WAIT_US 1000
#define NAMES_WAIT_US 1000
#define FLUSH_BYTES   8192

struct agent agent;

/* --- frames of the driver -------------------------------------------------- */

/* The job works in the container itself: its places are the container's. */
static void use_container(void)
{
	struct err err;

	must(places_open(&agent.now.places, &err), &err);
	agent.ballast.places = &agent.now.places;
	disk_open_to_all(&agent.now.places);
	agent.container = cgroup_container_meter();
}

static void on_prepare(const struct frame *frame)
{
	struct cgroup cgroup;
	struct err err;

	must(orders_prepare(frame->payload, frame->len, &agent.job, &err), &err);
	if (!agent.job.sandbox)
		use_container();
	if (cgroup_open(&cgroup, &err) == 0)
		must(keeper_fork(
			     &cgroup, agent.job.sandbox, &agent.keeper_fd, &agent.keeper_pid, &err),
			&err);
	else if (agent.job.sandbox)
		fault(&err); /* the container's figures would be those of more than one job */
	else
		pool_fall_back(err.msg);
	if (agent.job.sandbox && (agent.names_fd = names_open()) < 0)
		fault_say("/proc/net/unix");
	must(rights_become_agent(agent.job.agent_uid, &err), &err);
	if (agent.job.sandbox)
		must(nursery_fork(&agent.job, &agent.nursery_fd, &agent.nursery_pid, &err), &err);
	else
		disk_hold(&agent.ballast, agent.job.agent_uid, agent.job.job_uid);
	must(rights_stay_agent(&err), &err);
	must(killer_fork(&agent.job, &agent.killer_fd, &agent.killer_pid, &err), &err);
	agent.phase = PHASE_WARMING;
	if (agent.job.sandbox)
		sandbox_prepare();
	else
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
	agent.was_ready = true;
}

static void on_start(const struct frame *frame)
{
	if (frame->len != 32 + 4 + FRAME_NONCE_BYTES)
		fault_say("START malformed");
	memcpy(agent.nonce, frame->payload + 36, FRAME_NONCE_BYTES);
	agent.collected = false;
	agent.steps = 0;
	CPU_ZERO(&agent.place);
	agent.phase = PHASE_IDLE;
}

static void on_file(const struct frame *frame)
{
	static struct file_order order;
	struct err err;

	must(orders_file(frame->payload, frame->len, &order, &err), &err);
	must(input_begin(
		     &agent.input, agent.now.places.fd[PLACE_WORKSPACE], &order, &agent.job, &err),
		&err);
}

static void on_place(const struct frame *frame)
{
	struct err err;

	must(orders_place(frame->payload, frame->len, &agent.place, &err), &err);
}

static void on_more(const struct frame *frame)
{
	pack_raw(&agent.more, frame->payload, frame->len);
	if (agent.more.failed || agent.more.len > MORE_MAX)
		fault_say("MORE: too much");
}

static void more_done(void)
{
	packer_done(&agent.more);
	agent.more = packer_growing();
}

static void on_step(const struct frame *frame)
{
	struct err err;

	on_more(frame);
	must(orders_step(agent.more.buf, agent.more.len, &agent.job.limits, &agent.order, &err),
		&err);
	more_done();
	agent.order.place = agent.place;
	agent.job_stdin = true;
	typed_begin(&agent.typed, agent.order.open_input);
	run_begin();
}

static void on_collect(const struct frame *frame)
{
	struct collect_order order;
	struct err err;

	on_more(frame);
	must(orders_collect(agent.more.buf, agent.more.len, &order, &err), &err);
	more_done();
	agent.phase = PHASE_COLLECTING;
	agent.copying = order.copy;
	agent.collected = false;
	if (order.n == 0)
		agent.collected = true;
	else
		must(collect_fork(&agent.job, agent.now.places.fd[PLACE_WORKSPACE], &order,
			     &agent.collect_fd, &agent.collect_pid, &err),
			&err);
	collect_order_done(&order);
}

/* What a step needs comes whole before the next thing. */
static bool between(void)
{
	return !agent.job_stdin && agent.input.fd < 0 && agent.phase >= PHASE_IDLE &&
	       agent.phase <= PHASE_DRAINING;
}

static void on_stdin_end(void)
{
	agent.job_stdin = false;
	if (agent.typed.open)
		agent.typed.end = true; /* behind what was typed before */
	else if (agent.step.spare.in_fd >= 0)
		(void)close(TAKE_FD(agent.step.spare.in_fd));
}

/* What is typed never keeps a signal waiting, nor the end. */
static bool on_stdin(const struct frame *frame)
{
	struct err err;

	if (!agent.typed.open)
		return run_stdin(frame);
	must(typed_add(&agent.typed, frame->payload, frame->len, &err), &err);
	return true;
}

/* Its turn is when all before it is done. */
static bool on_order(const struct frame *frame)
{
	if (agent.phase != PHASE_IDLE)
		return false;
	if (frame->type == FRAME_FILE)
		on_file(frame);
	else if (frame->type == FRAME_PLACE)
		on_place(frame);
	else if (frame->type == FRAME_MORE)
		on_more(frame);
	else if (frame->type == FRAME_STEP)
		on_step(frame);
	else
		on_collect(frame);
	return true;
}

/* True when the frame was dealt with, false when it has to wait. */
static bool on_frame(const struct frame *frame)
{
	struct err err;
	bool order = frame->type == FRAME_FILE || frame->type == FRAME_PLACE ||
		     frame->type == FRAME_MORE || frame->type == FRAME_STEP ||
		     frame->type == FRAME_COLLECT;

	if (agent.phase == PHASE_WAITING || agent.phase == PHASE_LIMITING)
		return false;
	if (frame->type == FRAME_PREPARE && agent.phase == PHASE_NEW)
		on_prepare(frame);
	else if (frame->type == FRAME_START && agent.phase == PHASE_WARM)
		on_start(frame);
	else if (order && between())
		return on_order(frame);
	else if (frame->type == FRAME_FILE_DATA && agent.input.fd >= 0)
		must(input_data(&agent.input, frame->payload, frame->len, &err), &err);
	else if (frame->type == FRAME_STDIN && agent.job_stdin)
		return on_stdin(frame);
	else if (frame->type == FRAME_SIGNAL && agent.typed.open)
		run_signal(frame);
	else if (frame->type == FRAME_STDIN_END && agent.job_stdin)
		on_stdin_end();
	else if (frame->type != FRAME_KILL || !agent.job.sandbox)
		fault_say("a frame that does not belong here");
	return true;
}

static void collector_kill(void)
{
	if (agent.collect_pid > 0)
		(void)kill(agent.collect_pid, SIGKILL);
	agent.collect_pid = 0;
	if (agent.collect_fd >= 0)
		(void)close(TAKE_FD(agent.collect_fd));
}

/* The job is not wanted any more: all that it has goes, and DONE when it is gone. */
static void on_kill(void)
{
	if (agent.phase < PHASE_IDLE || agent.phase >= PHASE_KILLED)
		return;
	collector_kill();
	run_abandon();
	input_done(&agent.input);
	more_done();
	sandbox_leave(true);
	agent.phase = PHASE_KILLED;
}

/* What waits before a KILL waits in vain, but for the START that says whose DONE is awaited. */
static void drop_killed(size_t n)
{
	struct frame frame;
	struct err err;

	for (; n > 0; n--) {
		must(frame_in_peek(&agent.in, &frame, &err), &err);
		if (frame.type == FRAME_START && agent.phase == PHASE_WARM)
			on_start(&frame);
		frame_in_drop(&agent.in);
	}
	on_kill();
}

static void frames_take(void)
{
	struct frame frame;
	struct err err;
	size_t n;
	int r;

	while (agent.job.sandbox && (n = frame_in_find(&agent.in, FRAME_KILL)) > 0)
		drop_killed(n);
	while ((r = frame_in_peek(&agent.in, &frame, &err)) > 0 && on_frame(&frame))
		frame_in_drop(&agent.in);
	must(r, &err);
	if (agent.in.eof)
		_exit(0);
}

/* --- other events ---------------------------------------------------------- */

static void reaped(pid_t pid, int status, const struct rusage *usage)
{
	if (pid == agent.keeper_pid && agent.keeper_fd < 0)
		return; /* after pool_fall_back() */
	if (pid == agent.keeper_pid || pid == agent.killer_pid || pid == agent.nursery_pid)
		fault_say("the keeper, the killer or the nursery died");
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state != SPARE_NONE && agent.spares[i].pid == pid)
			fault_say("a spare died");
	if (pid != agent.collect_pid) {
		step_reaped(&agent.step, pid, status, usage);
		return;
	}
	agent.collect_pid = 0; /* the number may be another's from now on */
	agent.collected = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!agent.collected)
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
				_exit(run_is_overdue() ? AGENT_EXIT_OVERDUE : 0);
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		reaped(pid, status, &usage);
}

static void collector_read(void)
{
	static uint8_t message[1 + FRAME_PAYLOAD_MAX];

	while (agent.collect_fd >= 0 && frame_out_room(&agent.out) == FRAME_PAYLOAD_MAX) {
		ssize_t n = read(agent.collect_fd, message, sizeof(message));
		enum frame_type type = (enum frame_type)message[0];

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			fault_say("what is collected cannot be read");
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

/* No socket of the job before can be reached. */
static bool names_free(void)
{
	int64_t now = clock_us();

	if (now < agent.names_at_us)
		return false;
	agent.names_at_us = names_held(agent.names_fd) ? now + NAMES_WAIT_US : 0;
	return agent.names_at_us == 0;
}

/* The next job may come: in a sandbox it is another one. */
static void warmed(void)
{
	if (!agent.job.sandbox) {
		if (pool_find(SPARE_FORKED) == NULL)
			send_ready();
	} else if (sandbox_ready() && frame_out_room(&agent.out) >= FRAME_TEXT_MAX &&
		   names_free()) {
		sandbox_enter();
		send_ready();
	}
}

static bool killer_is_done(void)
{
	struct err err;

	if (agent.kill_pending) {
		must(killer_answer(agent.killer_fd, &agent.killed, &err), &err);
		agent.kill_pending = agent.killed == KILLER_NO_ANSWER;
	}
	return !agent.kill_pending;
}

static bool say_done(void)
{
	return frame_out_put(&agent.out, FRAME_DONE, agent.nonce, FRAME_NONCE_BYTES) == 0;
}

static bool say_collected(void)
{
	return frame_out_put(&agent.out, FRAME_COLLECTED, agent.nonce, FRAME_NONCE_BYTES) == 0;
}

/* All of it was sent: the end of the job, or of a copy. */
static void end_collecting(void)
{
	if (!agent.collected || agent.collect_fd >= 0)
		return;
	if (agent.copying && say_collected())
		agent.phase = PHASE_IDLE;
	else if (!agent.copying && say_done())
		agent.phase = PHASE_LAST;
}

/* DONE was said: a slot's agent forgets the job, a container's ends. */
static void forget(void)
{
	int64_t held = agent.steps > 0 ? agent.step.disk.total : disk_look(&agent.ballast).total;

	sandbox_leave(held > HEAVY_BYTES);
	agent.phase = PHASE_WARMING;
}

/* Moves on what waits for no event of its own. */
static void advance(int64_t now_us)
{
	enum limit limit;

	switch (agent.phase) {
	case PHASE_WARMING:
		warmed();
		break;
	case PHASE_RUNNING:
		limit = step_check(&agent.step, now_us);
		if (limit != LIMIT_MAX_ || agent.step.reaped)
			run_finish(limit);
		break;
	case PHASE_ENDING:
		if (killer_is_done() && agent.step.reaped && run_gone())
			agent.phase = PHASE_DRAINING;
		else if (now_us >= agent.kill_again_us)
			run_kill();
		break;
	case PHASE_KILLED:
		if (killer_is_done() && agent.awaited == 0 && say_done())
			agent.phase = PHASE_WARMING;
		break;
	case PHASE_COLLECTING:
		end_collecting();
		break;
	case PHASE_LAST:
		if (agent.job.sandbox)
			forget();
		break;
	default:
		break;
	}
}

/* --- the loop -------------------------------------------------------------- */

static int64_t next_us(void)
{
	int64_t next = INT64_MAX;

	if (agent.phase == PHASE_RUNNING)
		next = step_next_us(&agent.step);
	else if (agent.phase == PHASE_ENDING)
		next = agent.kill_again_us;
	else if (agent.phase == PHASE_WARMING && agent.names_at_us != 0)
		next = agent.names_at_us;
	return agent.flush_at_us != 0 && agent.flush_at_us < next ? agent.flush_at_us : next;
}

/* What is waited for; in this order in the array for poll(2). */
enum waited {
	WAITED_IN,
	WAITED_OUT,
	WAITED_SIGNAL,
	WAITED_KEEPER,
	WAITED_KILLER,
	WAITED_NURSERY,
	WAITED_NOW,
	WAITED_NEXT,
	WAITED_COLLECTOR,
	WAITED_STDOUT,
	WAITED_STDERR,
	WAITED_STDIN,
	WAITED_MAX_,
};

static void wait_until(struct pollfd *fds, int64_t until_us)
{
	int64_t left = until_us - clock_us();
	struct timespec ts = { 0 };

	if (left > 0)
		ts = (struct timespec){ .tv_sec = left / 1000000,
			.tv_nsec = left % 1000000 * 1000 };
	(void)ppoll(fds, WAITED_MAX_, until_us == INT64_MAX ? NULL : &ts, NULL);
}

/* Descriptors of -1 are ignored by poll. */
static struct pollfd when(bool condition, int fd, short events)
{
	return (struct pollfd){ .fd = condition ? fd : -1, .events = events };
}

static bool stdin_waits(void)
{
	struct frame frame;
	struct err err;

	if (agent.phase != PHASE_RUNNING)
		return false;
	return agent.typed.n > 0 ||
	       (frame_in_peek(&agent.in, &frame, &err) == 1 && frame.type == FRAME_STDIN);
}

/* Waits for what can move something. */
static void wait_for_events(struct pollfd fds[static WAITED_MAX_])
{
	bool streams = agent.phase >= PHASE_RUNNING && agent.phase <= PHASE_DRAINING;
	bool room = frame_out_room(&agent.out) == FRAME_PAYLOAD_MAX;
	const struct spare *first = &agent.step.spare;

	fds[WAITED_IN] = when(true, STDIN_FILENO, frame_in_full(&agent.in) ? 0 : POLLIN);
	fds[WAITED_OUT] = when(true, STDOUT_FILENO,
		frame_out_waiting(&agent.out) && agent.flush_at_us == 0 ? POLLOUT : 0);
	fds[WAITED_SIGNAL] = when(true, agent.signal_fd, POLLIN);
	fds[WAITED_KEEPER] = when(true, agent.keeper_fd, POLLIN);
	fds[WAITED_KILLER] = when(agent.kill_pending, agent.killer_fd, POLLIN);
	fds[WAITED_NURSERY] = when(true, agent.nursery_fd, POLLIN);
	fds[WAITED_NOW] = when(true, agent.now.fd, POLLIN);
	fds[WAITED_NEXT] = when(true, agent.next.fd, POLLIN);
	fds[WAITED_COLLECTOR] = when(room, agent.collect_fd, POLLIN);
	fds[WAITED_STDOUT] = when(streams && run_may_read(0), first->out_fd, POLLIN);
	fds[WAITED_STDERR] = when(streams && run_may_read(1), first->err_fd, POLLIN);
	fds[WAITED_STDIN] = when(stdin_waits(), first->in_fd, POLLOUT);
	wait_until(fds, next_us());
	if ((fds[WAITED_IN].revents & (POLLHUP | POLLERR)) != 0 ||
		(fds[WAITED_OUT].revents & POLLERR) != 0)
		_exit(0); /* the driver is gone */
}

/* Once round; true when that opened the way for more. */
static bool turn(bool readable)
{
	enum phase before = agent.phase;

	frames_take();
	if (agent.phase == PHASE_WAITING && pool_find(SPARE_READY) != NULL)
		run_begin();
	run_typed();
	run_pump(readable);
	collector_read();
	advance(clock_us());
	return agent.phase != before;
}

static bool spare_coming(void)
{
	return pool_find(SPARE_READY) != NULL || pool_find(SPARE_FORKED) != NULL ||
	       pool_find(SPARE_OPEN) != NULL;
}

/* What nobody waits for yet: after what somebody does. */
static void prepare_ahead(void)
{
	bool running = agent.phase == PHASE_RUNNING;

	run_tidy();
	sandbox_tidy();
	if (frame_out_waiting(&agent.out) && agent.flush_at_us == 0)
		return;
	if (agent.job.sandbox && agent.next.id == 0 && agent.was_ready)
		sandbox_prepare();
	/* A step runs and nothing says that it is the last: as well as a build, a case. */
	if (agent.job.sandbox && running && agent.steps < SPARES_WARM && !spare_coming() &&
		frame_in_find(&agent.in, FRAME_COLLECT) == 0)
		pool_prepare(1);
	/* Two steps and no spare left: there are many. */
	if (agent.phase == PHASE_IDLE && agent.steps >= SPARES_WARM && !spare_coming())
		pool_prepare(SPARES_MAX);
}

/*
 * A little output of a step that runs waits a moment for its end: most steps
 * are short, and each write wakes all who stand between us and the client.
 */
static bool flush_waits(void)
{
	int64_t now = clock_us();

	if (agent.phase != PHASE_RUNNING || !frame_out_waiting(&agent.out) ||
		frame_out_bytes(&agent.out) > FLUSH_BYTES ||
		(agent.flush_at_us != 0 && now >= agent.flush_at_us)) {
		agent.flush_at_us = 0;
		return false;
	}
	if (agent.flush_at_us == 0)
		agent.flush_at_us = now + FLUSH_WAIT_US;
	return true;
}

static void take_events(const struct pollfd fds[static WAITED_MAX_])
{
	struct err err;

	if (fds[WAITED_SIGNAL].revents != 0)
		signals_read();
	if (fds[WAITED_NURSERY].revents != 0)
		sandbox_read_nursery();
	if (fds[WAITED_NOW].revents != 0)
		sandbox_read(&agent.now);
	if (fds[WAITED_NEXT].revents != 0)
		sandbox_read(&agent.next);
	if (fds[WAITED_KEEPER].revents != 0)
		pool_read();
	if (fds[WAITED_IN].revents != 0)
		must(frame_in_fill(&agent.in, &err), &err);
}

static _Noreturn void loop(void)
{
	struct pollfd fds[WAITED_MAX_];

	for (;;) {
		bool readable;

		wait_for_events(fds);
		take_events(fds);
		readable = (fds[WAITED_STDOUT].revents | fds[WAITED_STDERR].revents) != 0;
		while (turn(readable))
			;
		if (!flush_waits() && frame_out_flush(&agent.out) < 0)
			_exit(0);
		if (agent.phase == PHASE_LAST && !frame_out_waiting(&agent.out))
			_exit(0);
		prepare_ahead();
	}
}

static void start(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	for (int i = 1; i < NSIG; i++) /* what programs find, whatever we were given */
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)umask(022);
	/* One by one: buffers that were never written to need not be copied by any fork. */
	agent.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	agent.keeper_fd = agent.killer_fd = agent.collect_fd = agent.nursery_fd = agent.names_fd =
		-1;
	agent.now = agent.next = agent.past = SANDBOX_NONE;
	agent.used = agent.step.spare = SPARE_EMPTY;
	agent.users_hidden = run_users_hidden();
	agent.container = METER_NONE;
	agent.input.fd = -1;
	agent.ballast = BALLAST_NONE;
	agent.more = packer_growing();
	agent.in.fd = STDIN_FILENO;
	agent.out.fd = STDOUT_FILENO;
	for (size_t i = 0; i < SPARES_MAX; i++)
		agent.spares[i] = SPARE_EMPTY;
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	(void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, OUT_PIPE_BYTES);
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
