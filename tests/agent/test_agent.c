/* SPDX-License-Identifier: MIT */
/* The agent in a real container, spoken to in frames: endings, limits, figures, files. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "box.h"

#define KIB INT64_C(1024)
/* Makes the agent do without a cgroup of the job's own. */
#define FALLBACK "DOCKGATE_AGENT_CGROUP=container"

/* The level that the test at hand runs at. */
static bool sandboxed;

static struct box *open_how(struct box_how how)
{
	how.sandbox = sandboxed;
	return box_open(&how);
}

static struct box *open_box(void)
{
	return open_how((struct box_how){ 0 });
}

static void assert_exit(const struct ending *end, int code)
{
	assert_int_equal(end->killed_for, LIMIT_MAX_);
	assert_int_equal(end->signal, 0);
	assert_int_equal(end->exit_code, code);
}

/* Runs it and expects that exit code. */
static void run(struct box *box, const struct ask *ask, int code, struct ending *ret)
{
	box_step(box, ask, ret);
	assert_exit(ret, code);
}

static void run_quiet(struct box *box, const struct ask *ask, int code)
{
	struct ending end;

	run(box, ask, code, &end);
	ending_done(&end);
}

static void assert_killed(struct box *box, struct ask ask, enum limit limit, int64_t value)
{
	struct ending end;

	ask.limits.v[limit] = value;
	box_step(box, &ask, &end);
	assert_int_equal(end.killed_for, limit);
	ending_done(&end);
}

static void assert_near(int64_t measured, int64_t expected, int64_t least)
{
	int64_t slack = expected / 20 > least ? expected / 20 : least;

	if (measured < expected - slack || measured > expected + slack)
		fail_msg("%lld where %lld was expected", (long long)measured, (long long)expected);
}

static void endings(void **state)
{
	static const char *const missing[] = { "/nowhere" }, *const data[] = { "data.txt" };
	struct box *box = open_box();
	struct ending end;

	(void)state;
	assert_int_not_equal(box_cgroup(box), FRAME_CGROUP_CONTAINER);
	box_file(box, "data.txt", 0644, "x", 1);
	run(box, STEP("hello"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "hello\n");
	assert_string_equal(end.why, "");
	assert_int_equal(end.processes, 1);
	ending_done(&end);
	run_quiet(box, STEP("exit", "0"), 0);
	run_quiet(box, STEP("exit", "3"), 3);
	run_quiet(box, STEP("exit", "255"), 255);
	run(box, &(struct ask){ .argv = { missing[0] } }, 127, &end);
	assert_string_equal(end.why, "/nowhere: No such file or directory");
	ending_done(&end);
	run(box, &(struct ask){ .argv = { data[0] }, .env = { "PATH=/workspace" } }, 126, &end);
	assert_string_equal(end.why, "data.txt: Permission denied");
	ending_done(&end);
	box_step(box, STEP("abort"), &end);
	assert_int_equal(end.signal, SIGABRT);
	assert_int_equal(end.exit_code, -1);
	ending_done(&end);
	box_step(box, STEP("segv"), &end);
	assert_int_equal(end.signal, SIGSEGV);
	ending_done(&end);
	assert_int_equal(box_close(box), 0);
}

/* Uid, descriptors, signals, limits and environment of a program. */
static void surroundings(void **state)
{
	struct box *box = open_box();
	struct ending end;
	struct ask ask = { .argv = { "/payload", "args", "a b", "" },
		.env = { "X=1", "PATH=/", NULL } };

	(void)state;
	run(box, &ask, 0, &end);
	assert_string_equal((char *)end.out[0].data, "a b\n\nX=1\nPATH=/\n");
	ending_done(&end);
	run(box, STEP("fds"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "0 1 2 \n");
	ending_done(&end);
	run(box, STEP("status"), 0, &end);
	assert_string_equal((char *)end.out[0].data,
		"uid 231001 231001 gid 231001 groups 0 blocked 0 ignored 0 umask 22 "
		"cwd /workspace sid 1\n"
		"rlimit 0 0\nrlimit 67108864 67108864\nrlimit 256 256\nrlimit 65536 65536\n");
	ending_done(&end);
	run(box, STEP("reopen"), 0, &end);
	assert_string_equal((char *)end.out[1].data, "by name\n");
	ending_done(&end);
	run(box, STEP("openfiles"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "256\n");
	ending_done(&end);
	(void)box_close(box);
}

/* Programs that will not end, do not want to, or leave others behind. */
static void refuse_to_die(void **state)
{
	static const char *const stubborn[] = { "pause", "stop", "forkbomb" };
	struct box *box = open_box();
	struct ending end;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_killed(box, *STEP(stubborn[i]), LIMIT_WALL, 200);
	assert_killed(box, *STEP("spin", "60000"), LIMIT_CPU, 300);
	assert_killed(box, *STEP("orphan", "60000"), LIMIT_CPU, 300);
	run_quiet(box, STEP("survivor"), 0);
	run(box, STEP("hold-stdout"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "left\n");
	ending_done(&end);
	run(box, STEP("close-stdout", "20"), 7, &end);
	assert_string_equal((char *)end.out[1].data, "still here\n");
	ending_done(&end);
	run_quiet(box, STEP("kill-all"), 0);
	run_quiet(box, STEP("hello"), 0);
	assert_int_equal(box_close(box), 0);
}

static void processes(void **state)
{
	struct box *box = open_box();
	struct ask ask = *STEP("forks");
	struct ending end;

	(void)state;
	run(box, &ask, 1, &end);
	assert_string_equal((char *)end.out[0].data, "64\n");
	assert_int_equal(end.processes, 64);
	assert_true(end.pids_refused > 0);
	ending_done(&end);
	ask.limits.v[LIMIT_PROCESSES] = 5;
	run(box, &ask, 1, &end);
	assert_string_equal((char *)end.out[0].data, "5\n");
	ending_done(&end);
	run(box, STEP("touch-two", "4096"), 0, &end);
	assert_int_equal(end.processes, 2);
	assert_int_equal(end.pids_refused, 0);
	ending_done(&end);
	(void)box_close(box);
}

static void memory_limit(void **state)
{
	struct box *box = open_box();
	struct ask ask = *STEP("touch", "100000000");
	struct ending end;

	(void)state;
	ask.limits.v[LIMIT_MEMORY] = 32 * MIB;
	box_step(box, &ask, &end);
	assert_int_equal(end.signal, SIGKILL);
	assert_true(end.oom_kills > 0);
	assert_true(end.memory <= 32 * MIB);
	ending_done(&end);
	/* The kernel kills a child; the rest would live on. */
	ask.argv[1] = "touch-child";
	box_step(box, &ask, &end);
	assert_true(end.oom_kills > 0);
	/* On v2 the kernel kills the rest as well, maybe before the agent does. */
	if (end.killed_for == LIMIT_MAX_)
		assert_int_equal(end.signal, SIGKILL);
	else
		assert_int_equal(end.killed_for, LIMIT_MEMORY);
	ending_done(&end);
	ask = *STEP("tmpfs", "40000000");
	ask.limits.v[LIMIT_MEMORY] = 16 * MIB;
	box_step(box, &ask, &end);
	assert_true(end.oom_kills > 0);
	ending_done(&end);
	run_quiet(box, STEP("touch", "100000000"), 0);
	(void)box_close(box);
}

/* What the payload says it burned or slept, the first number of its output. */
static int64_t said_us(const struct ending *end)
{
	return (int64_t)(strtod((char *)end->out[0].data, NULL) * 1000);
}

static void figures_of(const char *env)
{
	struct box *box = open_how((struct box_how){ .env = env });
	struct ending end;

	run(box, STEP("spin", "300"), 0, &end);
	assert_near(end.cpu_us, said_us(&end), 5000);
	ending_done(&end);
	run(box, STEP("orphan", "300"), 0, &end);
	assert_near(end.cpu_us, 300000, 5000);
	ending_done(&end);
	run(box, STEP("sleep", "200"), 0, &end);
	assert_near(end.wall_us, said_us(&end), 5000);
	assert_true(end.cpu_us < 5000);
	ending_done(&end);
	run(box, STEP("touch", "67108864"), 0, &end);
	assert_near(end.memory, 64 * MIB, 2 * MIB);
	ending_done(&end);
	run(box, STEP("touch", "16777216"), 0, &end);
	assert_near(end.memory, 16 * MIB, 2 * MIB);
	ending_done(&end);
	run(box, STEP("tmpfs", "33554432", "big"), 0, &end);
	assert_near(end.memory, 32 * MIB, 2 * MIB);
	assert_near(end.disk, 32 * MIB, 64 * KIB);
	ending_done(&end);
	(void)box_close(box);
}

static void figures(void **state)
{
	(void)state;
	figures_of(NULL);
}

static void assert_flood(
	struct box *box, const char *fd, const char *bytes, const char *chunk, size_t kept)
{
	struct ask ask = *STEP("flood", fd, bytes, chunk);
	int stream = fd[0] - '1';
	struct ending end;

	ask.limits.v[LIMIT_OUTPUT] = 1000000;
	run(box, &ask, 0, &end);
	assert_int_equal(end.out[stream].len, kept);
	assert_int_equal(end.bytes[stream], strtoul(bytes, NULL, 10));
	assert_int_equal(end.out[1 - stream].len, 0);
	ending_done(&end);
}

static void output_is_cut(void **state)
{
	static const char *const chunks[] = { "1", "1000", "4096", "65536" };
	struct box *box = open_box();

	(void)state;
	for (size_t i = 1; i < 4; i++) {
		assert_flood(box, "1", "999999", chunks[i], 999999);
		assert_flood(box, "1", "1000000", chunks[i], 1000000);
		assert_flood(box, "2", "1000001", chunks[i], 1000000);
		assert_flood(box, "1", "50000000", chunks[i], 1000000);
	}
	assert_flood(box, "1", "200000", chunks[0], 200000);
	(void)box_close(box);
}

static void output_kills(void **state)
{
	struct box *box = open_how((struct box_how){ .kill_at_output = true });
	struct ask ask = *STEP("flood", "1", "100000000", "4096");
	struct ending end;

	(void)state;
	ask.limits.v[LIMIT_OUTPUT] = 5000;
	box_step(box, &ask, &end);
	assert_int_equal(end.killed_for, LIMIT_OUTPUT);
	assert_int_equal(end.out[0].len, 5000);
	assert_true(end.bytes[0] > 5000);
	ending_done(&end);
	ask = *STEP("flood", "1", "5000", "4096");
	ask.limits.v[LIMIT_OUTPUT] = 5000;
	run_quiet(box, &ask, 0);
	ask = *STEP("flood", "1", "5001", "4096"); /* over, and gone before we look */
	ask.limits.v[LIMIT_OUTPUT] = 5000;
	assert_killed(box, ask, LIMIT_OUTPUT, 5000);
	(void)box_close(box);
}

static void bytes_are_exact(void **state)
{
	struct box *box = open_box();
	struct ending end;

	(void)state;
	run(box, STEP("bytes", "1000"), 0, &end);
	assert_int_equal(end.out[0].len, 256000);
	for (size_t i = 0; i < end.out[0].len; i++)
		assert_int_equal(end.out[0].data[i], i % 256);
	ending_done(&end);
	run(box, STEP("flood", "1", "15000000", "65536"), 0, &end); /* one line */
	assert_int_equal(end.out[0].len, 15000000);
	assert_null(memchr(end.out[0].data, '\n', end.out[0].len));
	ending_done(&end);
	run(box, STEP("late-stderr"), 0, &end);
	assert_int_equal(end.out[1].len, 204800);
	assert_string_equal((char *)end.out[0].data, "done\n");
	ending_done(&end);
	(void)box_close(box);
}

static void input_arrives(void **state)
{
	size_t n = 3000000;
	uint8_t *data = malloc(n);
	struct ask ask = *STEP("echo");
	struct box *box = open_box();
	struct ending end;

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	ask.input = data;
	ask.input_len = n;
	run(box, &ask, 0, &end);
	assert_int_equal(end.out[0].len, n);
	assert_memory_equal(end.out[0].data, data, n);
	ending_done(&end);
	ask.argv[1] = "hello"; /* does not read it: it is thrown away */
	run_quiet(box, &ask, 0);
	run(box, STEP("echo"), 0, &end); /* and not the next one's */
	assert_int_equal(end.out[0].len, 0);
	ending_done(&end);
	free(data);
	(void)box_close(box);
}

/* Text of the step's stdout, up to what is expected. */
static void assert_prints(struct box *box, const char *expected, size_t *taken)
{
	char text[400] = "";
	size_t have = 0;

	while (have < strlen(expected)) {
		const uint8_t *p;
		size_t n;

		assert_int_equal(box_hear(box, &p, &n, taken), FRAME_STDOUT);
		assert_true(have + n < sizeof(text));
		memcpy(text + have, p, n);
		text[have += n] = '\0';
	}
	assert_string_equal(text, expected);
}

static void signal_it(struct box *box, int number)
{
	uint8_t byte = (uint8_t)number;

	box_send(box, FRAME_SIGNAL, &byte, 1);
}

/* Question and answer, as at a terminal. */
static void input_is_typed(void **state)
{
	struct ask ask = *STEP("ask");
	struct box *box = open_box();
	struct ending end;
	size_t taken = 0;

	(void)state;
	ask.open_input = true;
	for (int i = 0; i < 2; i++) { /* the second one finds nothing of the first */
		box_ask(box, &ask);
		assert_prints(box, "name? ", &taken);
		box_send(box, FRAME_STDIN, "you\n", 4);
		assert_prints(box, "hello you\nname? ", &taken);
		signal_it(box, SIGINT);
		assert_prints(box, "INT\n", &taken);
		signal_it(box, SIGUSR1);
		assert_prints(box, "USR1\n", &taken);
		box_send(box, FRAME_STDIN, "all\n", 4);
		box_send(box, FRAME_STDIN_END, NULL, 0);
		box_ending(box, &end);
		assert_exit(&end, 0);
		assert_string_equal((char *)end.out[0].data, "hello all\nname? bye\n");
		ending_done(&end);
	}
	(void)box_close(box);
}

/* A program that reads nothing hears signals all the same, and what it was sent goes with it. */
static void typed_input_waits(void **state)
{
	uint8_t *data = calloc(1, FRAME_TYPED_MAX);
	struct ask ask = *STEP("sleep", "60000");
	struct box *box = open_box();
	size_t sent = 0, taken = 0;
	struct ending end;
	const uint8_t *p;
	size_t n;

	(void)state;
	assert_non_null(data);
	ask.open_input = true;
	box_ask(box, &ask);
	for (; sent < 65536; sent += 16384) /* as much as a pipe takes */
		box_send(box, FRAME_STDIN, data, 16384);
	for (size_t i = 0; i < FRAME_TYPED_MAX; i += 16384) /* and as much as may wait for it */
		box_send(box, FRAME_STDIN, data, 16384);
	signal_it(box, SIGTERM);
	assert_int_equal(box_hear(box, &p, &n, &taken), FRAME_STEP_END);
	assert_int_equal(p[FRAME_NONCE_BYTES + 5], SIGTERM);
	box_send(box, FRAME_STDIN, data, 10); /* they cross */
	signal_it(box, SIGTERM);
	box_send(box, FRAME_STDIN_END, NULL, 0);
	run(box, STEP("echo"), 0, &end);
	assert_int_equal(end.out[0].len, 0);
	ending_done(&end);
	free(data);
	(void)box_close(box);
}

/* More than it has room for, or a signal for a program that has no such input. */
static void typed_too_much(void **state)
{
	uint8_t *data = calloc(1, FRAME_TYPED_MAX);
	struct ask ask = *STEP("pause");
	struct box *box = open_box();

	(void)state;
	assert_non_null(data);
	ask.open_input = true;
	box_ask(box, &ask);
	for (int i = 0; i < 3; i++)
		box_send(box, FRAME_STDIN, data, FRAME_TYPED_MAX);
	assert_non_null(strstr(box_fault(box), "more than was TAKEN"));
	(void)box_wait(box);
	box = open_box();
	ask.open_input = false;
	ask.no_input_end = true;
	box_ask(box, &ask);
	signal_it(box, SIGTERM);
	assert_non_null(strstr(box_fault(box), "does not belong here"));
	(void)box_wait(box);
	free(data);
}

/* A program that waits for its input, which has said so, and its agent's number. */
static struct box *open_asking(pid_t *ret_agent)
{
	struct ask ask = *STEP("ask");
	struct box *box = open_box();
	const uint8_t *p;
	size_t n;

	ask.no_input_end = true;
	ask.limits.v[LIMIT_WALL] = 1000;
	*ret_agent = box_agent();
	box_ask(box, &ask);
	assert_int_equal(box_receive(box, &p, &n), FRAME_STDOUT);
	return box;
}

/* Asked by a way around its stream: is the program there beyond its time? */
static void ends_when_told_from_outside(void **state)
{
	const struct timespec over = { 1, 100000000 };
	struct box *box = open_box();
	pid_t agent;

	(void)state;
	assert_int_equal(kill(box_agent(), SIGTERM), 0);
	assert_int_equal(box_wait(box), 0);
	box = open_asking(&agent);
	assert_int_equal(kill(agent, SIGTERM), 0);
	assert_int_equal(box_wait(box), 0);
	box = open_asking(&agent);
	assert_int_equal(kill(agent, SIGSTOP), 0);
	(void)nanosleep(&over, NULL);
	assert_int_equal(kill(agent, SIGTERM), 0);
	assert_int_equal(kill(agent, SIGCONT), 0);
	assert_int_equal(box_wait(box), AGENT_EXIT_OVERDUE);
}

/* Nobody reads what the job writes: its clock goes on all the same. */
static void driver_does_not_read(void **state)
{
	struct box_how how = { .limits.v[LIMIT_OUTPUT] = 8192 * MIB };
	struct box *box = open_how(how), *other = open_box();
	struct ask ask = *STEP("flood", "1", "8000000000", "65536");
	struct ending end;

	(void)state;
	ask.limits.v[LIMIT_WALL] = 300;
	box_ask(box, &ask);
	run_quiet(other, STEP("sleep", "1000"), 0);
	box_ending(box, &end);
	assert_int_equal(end.killed_for, LIMIT_WALL);
	assert_int_equal(end.out[0].len, end.bytes[0]);
	ending_done(&end);
	(void)box_close(other);
	(void)box_close(box);
}

static void disk(void **state)
{
	struct box *box = open_box();
	struct ask ask = *STEP("fill");
	struct ending end;

	(void)state;
	ask.limits.v[LIMIT_DISK] = 3 * MIB;
	run(box, &ask, 28, &end);
	assert_true(end.disk_full);
	assert_near(end.disk, 3 * MIB, 16 * KIB);
	ending_done(&end);
	run(box, STEP("fill"), 28, &end); /* overwrites, and has all of it now */
	assert_true(end.disk_full);
	assert_near(end.disk, 64 * MIB, 16 * KIB);
	ending_done(&end);
	(void)box_close(box);

	box = open_box();
	run(box, STEP("inodes"), 28, &end);
	assert_true(end.disk_full);
	ending_done(&end);
	(void)box_close(box);

	box = open_box();
	ask = *STEP("bigfile", "4");
	ask.limits.v[LIMIT_FILE] = 1 * MIB;
	box_step(box, &ask, &end);
	assert_int_equal(end.signal, SIGXFSZ);
	assert_true(end.file_limit);
	assert_false(end.disk_full);
	ending_done(&end);
	run_quiet(box, STEP("bigfile", "4"), 0);
	(void)box_close(box);
}

static void attacks_fail(void **state)
{
	struct box *box = open_box();
	struct ending end;

	(void)state;
	run(box, STEP("attack"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "");
	ending_done(&end);
	/* The attempts are real: its own child it may slow down and stop, but not move. */
	box_step(box, STEP("attack", "child"), &end);
	assert_true(end.exit_code >= 7);
	ending_done(&end);
	run_quiet(box, STEP("hello"), 0);
	(void)box_close(box);
}

static void system_calls(void **state)
{
	struct box *box = open_box();
	struct ending end;

	(void)state;
	run(box, STEP("syscalls"), 0, &end);
	assert_non_null(strstr((char *)end.out[0].data, "clone newuser EPERM\n"));
	assert_non_null(strstr((char *)end.out[0].data, "clone3 ENOSYS\n"));
	assert_non_null(strstr((char *)end.out[0].data, "io_uring_setup ENOSYS\n"));
	assert_non_null(strstr((char *)end.out[0].data, "keyctl EPERM\n"));
	assert_non_null(strstr((char *)end.out[0].data, "socket inet EAFNOSUPPORT\n"));
	assert_null(strstr((char *)end.out[0].data, "ALLOWED"));
	ending_done(&end);
	(void)box_close(box);

#ifdef __x86_64__
	box = open_box();
	for (int i = 0; i < 2; i++) {
		box_step(box, STEP("syscalls-foreign", i == 0 ? NULL : "32"), &end);
		assert_int_equal(end.signal, SIGSYS);
		ending_done(&end);
	}
	(void)box_close(box);
#endif

	if (sandboxed)
		return; /* it has no network */
	box = open_how((struct box_how){ .network = true });
	box_step(box, STEP("syscalls"), &end);
	assert_int_equal(end.exit_code, 2);
	assert_non_null(strstr((char *)end.out[0].data, "socket inet ALLOWED\n"));
	assert_non_null(strstr((char *)end.out[0].data, "socket netlink ALLOWED\n"));
	ending_done(&end);
	(void)box_close(box);
}

static void inputs(void **state)
{
	static uint8_t big[200000];
	struct box *box = open_box();
	struct ending end;

	(void)state;
	memset(big, 'z', sizeof(big));
	box_file(box, "a/b/c.txt", 0644, "deep", 4);
	box_file(box, "empty", 0644, NULL, 0);
	box_file(box, "big", 0755, big, sizeof(big));
	box_file(box, "empty", 0644, "not", 3); /* the last one holds */
	run(box, STEP("cat", "a/b/c.txt"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "deep");
	ending_done(&end);
	run(box, STEP("cat", "big"), 0, &end);
	assert_int_equal(end.out[0].len, sizeof(big));
	assert_memory_equal(end.out[0].data, big, sizeof(big));
	ending_done(&end);
	run(box, STEP("cat", "empty"), 0, &end);
	assert_string_equal((char *)end.out[0].data, "not");
	ending_done(&end);
	(void)box_close(box);
}

static void inputs_refused(void **state)
{
	static const char *const bad[] = { "", "/etc/x", "../x", "a/../x", "a//b", "./x", "a/",
		".." };
	static uint8_t block[FRAME_PAYLOAD_MAX];
	const char *text;
	struct box *box;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		box = open_box();
		box_file(box, bad[i], 0644, "x", 1);
		assert_string_equal(box_fault(box), "FILE: bad name");
		assert_int_equal(box_wait(box), 1);
	}
	box = open_box();
	for (size_t i = 0; i < 65 * MIB / sizeof(block); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%zu", i);
		box_file(box, name, 0644, block, sizeof(block));
	}
	text = box_fault(box);
	assert_ptr_equal(strstr(text, "input: no space: f"), text);
	assert_int_equal(box_wait(box), 1);
}

static const struct got *find(const struct got *got, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(got[i].name, name) == 0)
			return &got[i];
	return NULL;
}

static void assert_got(const struct got *got, size_t n, const char *name, const char *text)
{
	const struct got *file = find(got, n, name);

	if (file == NULL || file->skipped) {
		fail_msg("%s was not collected", name);
		return;
	}
	assert_int_equal(file->data.len, strlen(text));
	assert_memory_equal(file->data.len > 0 ? (char *)file->data.data : "", text, strlen(text));
}

static void assert_skipped(const struct got *got, size_t n, const char *name, const char *reason)
{
	const struct got *file = find(got, n, name);

	if (file == NULL || !file->skipped) {
		fail_msg("%s was not skipped", name);
		return;
	}
	assert_string_equal(file->reason, reason);
}

/* Collects from what `leave` left; frees. */
static size_t collect(
	const char *const *globs, uint32_t files, uint64_t bytes, struct got *got, size_t max)
{
	struct box *box = open_box();
	size_t n;

	run_quiet(box, STEP("leave"), 0);
	n = box_collect(box, files, bytes, globs, got, max);
	if (sandboxed)
		assert_int_equal(box_close(box), 0);
	else
		assert_int_equal(box_wait(box), 0); /* DONE, and it ends by itself */
	return n;
}

static void got_done(struct got *got, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(got[i].data.data);
}

/* Between two steps, after which the job goes on, and ends as any other. */
static void copies(void **state)
{
	static struct got got[64];
	struct box *box = open_box();
	size_t n;

	(void)state;
	run_quiet(box, STEP("leave"), 0);
	n = box_copy(box, got, 64);
	assert_got(got, n, "plain.txt", "plain");
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i].executable, strcmp(got[i].name, "run") == 0);
	got_done(got, n);
	run_quiet(box, STEP("exit", "3"), 3);
	n = box_copy(box, got, 64);
	assert_got(got, n, "plain.txt", "plain");
	got_done(got, n);
	n = box_collect(box, 100, 1000000, (const char *const[]){ "plain.txt", NULL }, got, 64);
	assert_int_equal(n, 1);
	got_done(got, n);
	if (sandboxed)
		assert_int_equal(box_close(box), 0);
	else
		assert_int_equal(box_wait(box), 0);
}

static void collects(void **state)
{
	static struct got got[64];
	size_t n = collect((const char *const[]){ "**", NULL }, 100, 1000000, got, 64);

	(void)state;
	assert_got(got, n, "plain.txt", "plain");
	assert_got(got, n, "empty.txt", "");
	assert_got(got, n, "-rf", "dash");
	assert_got(got, n, "new\nline", "newline");
	assert_got(got, n, "bad\xff\xfe", "not utf-8");
	assert_got(got, n, "out/a.bin", "aaaa");
	assert_skipped(got, n, "link", "symbolic link");
	assert_skipped(got, n, "linkdir", "symbolic link");
	assert_skipped(got, n, "out/inner", "symbolic link");
	assert_skipped(got, n, "fifo", "fifo");
	assert_skipped(got, n, "socket", "socket");
	assert_skipped(got, n, "twice", "hard link");
	assert_skipped(got, n, "again", "hard link");
	assert_skipped(got, n, "secret", "Permission denied");
	assert_int_equal(n, 16); /* and the directory that is too deep */
	got_done(got, n);
}

static void collects_within_caps(void **state)
{
	static struct got got[64];
	size_t n = collect((const char *const[]){ "*.txt", "out/*", NULL }, 1, 1000000, got, 64);
	size_t taken = 0;

	(void)state;
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++)
		taken += !got[i].skipped;
	assert_int_equal(taken, 1);
	got_done(got, n);
	n = collect((const char *const[]){ "out/a.*", "plain.txt", NULL }, 10, 4, got, 64);
	assert_int_equal(n, 2);
	assert_got(got, n, "out/a.bin", "aaaa");
	assert_skipped(got, n, "plain.txt", "too large");
	got_done(got, n);
	n = collect((const char *const[]){ NULL }, 10, 4, got, 64);
	assert_int_equal(n, 0);
}

static void many_cases(void **state)
{
	struct box *box = open_box();

	(void)state;
	for (int i = 0; i < 20; i++) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%d", i);
		run_quiet(box, STEP("exit", number), i);
	}
	(void)box_close(box);
}

/* The driver dies in the middle: the container ends. */
static void driver_gone(void **state)
{
	struct box *box = open_box();
	struct ask ask = *STEP("pause");

	(void)state;
	ask.no_input_end = true;
	box_ask(box, &ask);
	(void)box_close(box);
	(void)box_close(open_box());
}

static void driver_misbehaves(void **state)
{
	static const uint8_t junk[300] = { 9, 9, 9 };
	struct box *box = box_bare(&(struct box_how){ 0 });

	(void)state;
	box_send(box, FRAME_STEP, junk, sizeof(junk));
	assert_string_equal(box_fault(box), "a frame that does not belong here");
	assert_int_equal(box_wait(box), 1);
	box = box_bare(&(struct box_how){ 0 });
	box_send(box, FRAME_PREPARE, junk, sizeof(junk));
	assert_string_equal(box_fault(box), "version 2313, not 3");
	assert_int_equal(box_wait(box), 1);
	box = open_box();
	box_send(box, FRAME_STEP, junk, sizeof(junk));
	assert_string_equal(box_fault(box), "kind of step 9");
	assert_int_equal(box_wait(box), 1);
	box = open_box();
	box_send(box, (enum frame_type)200, NULL, 0);
	assert_string_equal(box_fault(box), "a frame that does not belong here");
	assert_int_equal(box_wait(box), 1);
}

/* Without a cgroup of its own the same holds, with the container's figures. */
static void fallback(void **state)
{
	struct box *box = box_open(&(struct box_how){ .env = FALLBACK });

	(void)state;
	assert_int_equal(box_cgroup(box), FRAME_CGROUP_CONTAINER);
	run_quiet(box, STEP("exit", "3"), 3);
	assert_killed(box, *STEP("spin", "60000"), LIMIT_CPU, 300);
	assert_killed(box, *STEP("orphan", "60000"), LIMIT_CPU, 300);
	assert_killed(box, *STEP("forkbomb"), LIMIT_PROCESSES, 20);
	assert_killed(box, *STEP("touch", "100000000"), LIMIT_MEMORY, 32 * MIB);
	run_quiet(box, STEP("survivor"), 0);
	run_quiet(box, STEP("attack"), 0);
	(void)box_close(box);
	figures_of(FALLBACK);
}

/* --- one job after the other in a slot --------------------------------------- */

static const char *const dirs[] = { "/workspace", "/tmp", "/dev/shm" };

/* What `command` says; it must end well. */
static void assert_says(struct box *box, const char *command, const char *expected)
{
	struct ending end;

	run(box, STEP(command), 0, &end);
	assert_string_equal((char *)end.out[0].data, expected);
	ending_done(&end);
}

static void nothing_is_left(void **state)
{
	struct box *box = open_box();
	struct ending end;

	(void)state;
	run(box, STEP("mark"), 0, &end);
	/* What it was let do, so that there was something to be left. */
	assert_string_equal(
		(char *)end.out[0].data, "/workspace\n/tmp\n/dev/shm\nabstract\nrlimit\nnice\n");
	ending_done(&end);
	/* Its own next step sees its files, and nothing that ran. */
	assert_says(box, "traces", "/workspace\n/tmp\n/dev/shm\n");
	for (int i = 0; i < 3; i++) {
		box_next(box);
		assert_says(box, "traces", "");
	}
	(void)box_close(box);
}

/* What no process holds any more is awaited as well. */
static void nothing_that_keeps_itself_is_left(void **state)
{
	struct box *box = open_box();

	(void)state;
	for (int i = 0; i < 20; i++) {
		run_quiet(box, STEP("keep"), 0);
		box_next(box);
		assert_says(box, "traces", "");
		box_next(box);
	}
	(void)box_close(box);
}

/* A healthy job finds everything that is its own. */
static void assert_unharmed(struct box *box)
{
	struct ending end;

	assert_says(box, "traces", "");
	for (size_t i = 0; i < 3; i++) {
		run(box, STEP("fill", dirs[i]), 28, &end);
		assert_near(end.memory, (i == 2 ? 16 : 64) * MIB, 64 * MIB);
		ending_done(&end);
		box_next(box);
	}
	run(box, STEP("forks"), 1, &end);
	assert_string_equal((char *)end.out[0].data, "64\n");
	ending_done(&end);
	box_next(box);
	run(box, STEP("touch", "100000000"), 0, &end);
	assert_near(end.memory, 100000000, 2 * MIB);
	ending_done(&end);
	box_next(box);
}

static void no_job_harms_the_next(void **state)
{
	static const char *const worst[][3] = { { "kill-all" }, { "attack" }, { "forkbomb" },
		{ "fill", "/workspace" }, { "fill", "/tmp" }, { "fill", "/dev/shm" },
		{ "inodes", "/workspace" }, { "inodes", "/tmp" }, { "inodes", "/dev/shm" },
		{ "touch", "1000000000" }, { "survivor" }, { "stop" } };
	struct box *box = open_box();

	(void)state;
	for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
		struct ask ask = { .argv = { "/payload", worst[i][0], worst[i][1] } };
		struct ending end;

		ask.limits.v[LIMIT_WALL] = 500;
		box_step(box, &ask, &end);
		ending_done(&end);
		box_next(box);
		assert_says(box, "traces", "");
		box_next(box);
	}
	assert_unharmed(box);
	(void)box_close(box);
}

/* The smallest limits there are leave enough for those who prepare the job. */
static void smallest_limits(void **state)
{
	struct box_how how = { .limits = { .v = { [LIMIT_MEMORY] = 4 * MIB,
						   [LIMIT_PROCESSES] = 1,
						   [LIMIT_FILES] = 8,
						   [LIMIT_FILE] = 1,
						   [LIMIT_DISK] = 64 * KIB } } };
	struct box *box = open_how(how);
	struct ending end;

	(void)state;
	for (int i = 0; i < 3; i++) {
		run(box, STEP("openfiles"), 0, &end);
		assert_string_equal((char *)end.out[0].data, "8\n");
		assert_int_equal(end.processes, 1);
		ending_done(&end);
		if (sandboxed)
			box_next(box);
	}
	(void)box_close(box);
}

/* Limits that one job had lowered are the next one's no more. */
static void limits_are_fresh(void **state)
{
	struct box *box = open_box();
	struct ask ask = *STEP("fill");
	struct ending end;

	(void)state;
	ask.limits.v[LIMIT_DISK] = 3 * MIB;
	ask.limits.v[LIMIT_PROCESSES] = 3;
	ask.limits.v[LIMIT_MEMORY] = 16 * MIB;
	run(box, &ask, 28, &end);
	assert_near(end.disk, 3 * MIB, 16 * KIB);
	ending_done(&end);
	box_next(box);
	assert_unharmed(box);
	(void)box_close(box);
}

/* A job that is not wanted any more, at whatever it is; the next one is as any. */
static void jobs_are_killed(void **state)
{
	static const char *const at[] = { "pause", "forkbomb", "flood" };
	struct box *box = open_box();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ask ask = { .argv = { "/payload", at[i], "1", "100000000", "4096" } };

		ask.no_input_end = i == 0;
		box_ask(box, &ask);
		box_kill(box);
		assert_says(box, "traces", "");
		box_next(box);
		box_kill(box);
	}
	box_file(box, "in", 0644, "x", 1);
	box_kill(box);
	assert_says(box, "traces", "");
	assert_unharmed(box);
	(void)box_close(box);
}

/* Files of the host's kernel. */
static void procfs(void **state)
{
	struct box *box = open_box();

	(void)state;
	assert_says(box, "procfs", "");
	(void)box_close(box);
}

/* The host does not let us: said in a way that the driver can tell. */
static void sandbox_refused(void **state)
{
	struct box_how how = { .sandbox = true, .env = FALLBACK };
	struct box *box = box_bare(&how);
	const char *text;

	(void)state;
	box_prepare(box, &how);
	text = box_fault(box);
	assert_string_equal(text, "sandbox: " FALLBACK);
	assert_int_equal(box_wait(box), 1);
	how = (struct box_how){ .sandbox = true, .covered = true };
	box = box_bare(&how);
	box_prepare(box, &how);
	text = box_fault(box);
	assert_string_equal(text, "sandbox: mount proc: Operation not permitted");
	assert_int_equal(box_wait(box), 1);
}

static int set_up(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int in_container(void **state)
{
	(void)state;
	sandboxed = false;
	return 0;
}

static int in_sandbox(void **state)
{
	(void)state;
	sandboxed = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	box_image_remove();
	return 0;
}

#define CONTAINER(f) cmocka_unit_test_setup(f, in_container)
#define SANDBOX(f)                                        \
	{                                                 \
		"sandbox: " #f, f, in_sandbox, NULL, NULL \
	}
#define BOTH(f) CONTAINER(f), SANDBOX(f)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOTH(endings),
		BOTH(surroundings),
		BOTH(refuse_to_die),
		BOTH(processes),
		BOTH(memory_limit),
		BOTH(figures),
		BOTH(output_is_cut),
		BOTH(output_kills),
		BOTH(bytes_are_exact),
		BOTH(input_arrives),
		BOTH(input_is_typed),
		BOTH(typed_input_waits),
		CONTAINER(typed_too_much),
		BOTH(driver_does_not_read),
		BOTH(disk),
		BOTH(attacks_fail),
		BOTH(system_calls),
		SANDBOX(procfs), /* a container is as the driver covers it */
		BOTH(smallest_limits),
		BOTH(inputs),
		BOTH(inputs_refused),
		BOTH(collects),
		BOTH(copies),
		BOTH(collects_within_caps),
		BOTH(many_cases),
		BOTH(driver_gone),
		BOTH(ends_when_told_from_outside),
		CONTAINER(driver_misbehaves),
		CONTAINER(fallback),
		SANDBOX(nothing_is_left),
		SANDBOX(nothing_that_keeps_itself_is_left),
		SANDBOX(no_job_harms_the_next),
		SANDBOX(limits_are_fresh),
		SANDBOX(jobs_are_killed),
		SANDBOX(sandbox_refused),
	};

	if (argc < 3) {
		(void)fprintf(stderr, "usage: test_agent AGENT PAYLOAD [FILTER]\n");
		return 2;
	}
	if (argc > 3)
		cmocka_set_test_filter(argv[3]);
	box_image(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
