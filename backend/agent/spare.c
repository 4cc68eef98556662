/* SPDX-License-Identifier: MIT */
#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "policy.h"
#include "rights.h"

#define STATUS_FD         3
#define PLAN_FD           4
#define STACK_BYTES       (64 * MIB)
#define SIGNALS_MAX       1024
#define STDOUT_PIPE_BYTES (256 * 1024)
#define STDBUF            "/usr/libexec/coreutils/libstdbuf.so"
#define ENV_EXTRA         2 /* variables that may be added */

/* What goes through the plan's pipe, followed by strings_len bytes. */
struct plan {
	struct limits limits;
	uint32_t argc, envc;
	uint64_t strings_len;
	bool open_input;
	cpu_set_t place;
};

static _Noreturn void fail(enum spare_stage stage, int code)
{
	struct spare_failure failure = { .stage = stage, .code = code };
	ssize_t n = write(STATUS_FD, &failure, sizeof(failure));

	(void)n; /* the exit code tells too */
	_exit(stage == SPARE_STAGE_EXEC && code == ENOENT ? 127 : 126);
}

static void read_all(int fd, void *data, size_t len)
{
	uint8_t *at = data;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail(SPARE_STAGE_PLAN, errno);
		if (n == 0)
			_exit(0); /* not needed after all */
		at += n;
		len -= (size_t)n;
	}
}

/* The agent ignores one and blocks all; the rest has been as it should since it began. */
static void default_signals(void)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The first to die when memory is short. The file belongs to the process only
 * while that is dumpable; nobody else of this uid is there to abuse it.
 */
static void be_first_to_die(void)
{
	int fd;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = write(fd, "1000", 4);

		(void)n; /* best effort: the job's own cgroup is the limit */
		(void)close(fd);
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Descriptors 0 to 4 and nothing else: enum spare_end has them in that order. */
static void arrange_fds(const int ends[static SPARE_ENDS])
{
	int want[SPARE_ENDS];

	for (int i = 0; i < SPARE_ENDS; i++) /* out of the way of the low numbers first */
		want[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, 16);
	for (int i = 0; i < SPARE_ENDS; i++)
		if (want[i] < 0 || dup3(want[i], i, i < STATUS_FD ? 0 : O_CLOEXEC) < 0)
			_exit(126);
	if (syscall(SYS_close_range, SPARE_ENDS, ~0U, 0) < 0)
		for (int fd = SPARE_ENDS; fd < 4096; fd++)
			(void)close(fd);
}

/* Never above what holds already. Kernels that know no setting of one keep what the engine set. */
static int limit_to(int resource, int64_t value)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value }, old;

	if (setrlimit((__rlimit_resource_t)resource, &limit) == 0)
		return 0;
	if (getrlimit((__rlimit_resource_t)resource, &old) < 0)
		return -errno;
	if (old.rlim_cur <= limit.rlim_cur && old.rlim_max <= limit.rlim_max)
		return 0;
	if (limit.rlim_max > old.rlim_max)
		limit.rlim_max = limit.rlim_cur = old.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

/* What holds for every step, and for whoever has only such children. */
int spare_limits(const struct limits *limits)
{
	const struct {
		int resource;
		int64_t value;
	} all[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_MEMLOCK, 64 * 1024 },
		{ RLIMIT_MSGQUEUE, 0 },
		{ RLIMIT_NICE, 0 },
		{ RLIMIT_RTPRIO, 0 },
		{ RLIMIT_STACK, STACK_BYTES },
		{ RLIMIT_SIGPENDING, SIGNALS_MAX },
		{ RLIMIT_FSIZE, limits->v[LIMIT_FILE] },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = limit_to(all[i].resource, all[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The rest, once the step is known. */
static int apply_limits(const struct prepare_order *job, const struct limits *limits)
{
	const struct {
		int resource;
		int64_t value;
		bool needed;
	} all[] = {
		{ RLIMIT_FSIZE, limits->v[LIMIT_FILE],
			limits->v[LIMIT_FILE] != job->limits.v[LIMIT_FILE] },
		/* Not earlier: who prepares has more of them open than a job may have. */
		{ RLIMIT_NOFILE, limits->v[LIMIT_FILES], true },
		/* The cgroup's clock is the limit; this one only holds if ours should fail. */
		{ RLIMIT_CPU, limits->v[LIMIT_CPU] / 1000 + 2, true },
		/*
		 * Counted by user and user namespace: of use only where that is the job's alone.
		 * One more than the cgroup has, which counts what it refuses.
		 */
		{ RLIMIT_NPROC, limits->v[LIMIT_PROCESSES] + 1, job->sandbox },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = all[i].needed ? limit_to(all[i].resource, all[i].value) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Pointers to n strings that follow each other, NULL after them, and room for ENV_EXTRA more. */
static char **vector(char **strings, uint32_t n)
{
	char **list = calloc((size_t)n + ENV_EXTRA + 1, sizeof(*list));

	if (list == NULL)
		fail(SPARE_STAGE_PLAN, ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		list[i] = *strings;
		*strings += strlen(*strings) + 1;
	}
	return list;
}

/* A step before may have locked the next one out, by mistake or not: the directory is the job's. */
static int enter_workspace(void)
{
	if (chdir(AGENT_WORKSPACE) == 0)
		return 0;
	if (errno != EACCES || chmod(AGENT_WORKSPACE, 0700) < 0 || chdir(AGENT_WORKSPACE) < 0)
		return -errno;
	return 0;
}

/*
 * C's stdio keeps a prompt to itself where stdout is no terminal, and whoever is to answer it
 * would wait for it. The library of stdbuf(1) keeps it from that, in images that have it.
 */
static void show_prompts(char **envp, uint32_t n)
{
	static char preload[] = "LD_PRELOAD=" STDBUF, mode[] = "_STDBUF_O=0";

	for (uint32_t i = 0; i < n; i++)
		if (strncmp(envp[i], preload, strlen("LD_PRELOAD=")) == 0 ||
			strncmp(envp[i], mode, strlen("_STDBUF_O=")) == 0)
			return; /* somebody knows better */
	if (access(STDBUF, R_OK) < 0)
		return;
	envp[n] = preload;
	envp[n + 1] = mode;
}

/*
 * Nobody else's processors, however many threads: a quota alone gives all of them to whoever has
 * many, for a part of its period. For good: the filter takes the call away.
 */
static int keep_to(const cpu_set_t *place)
{
	cpu_set_t may, both;

	if (CPU_COUNT(place) > 0 && sched_getaffinity(0, sizeof(may), &may) == 0) {
		CPU_AND(&both, &may, place);
		if (CPU_EQUAL(&both, place))
			(void)sched_setaffinity(0, sizeof(*place), place);
	}
	return policy_load(POLICY_PLACED);
}

static _Noreturn void become_program(
	const struct prepare_order *job, const struct plan *plan, char *strings)
{
	char **argv = vector(&strings, plan->argc);
	char **envp = vector(&strings, plan->envc);
	int r = apply_limits(job, &plan->limits);

	if (r < 0)
		fail(SPARE_STAGE_LIMITS, -r);
	r = keep_to(&plan->place);
	if (r < 0)
		fail(SPARE_STAGE_FILTER, -r);
	r = rights_become_job(job->job_uid);
	if (r < 0)
		fail(SPARE_STAGE_RIGHTS, -r);
	r = enter_workspace();
	if (r < 0)
		fail(SPARE_STAGE_WORKSPACE, -r);
	if (argv[0] == NULL)
		fail(SPARE_STAGE_EXEC, EINVAL);
	if (plan->open_input)
		show_prompts(envp, plan->envc);
	environ = envp; /* execvp looks for PATH there */
	(void)execvp(argv[0], argv);
	fail(SPARE_STAGE_EXEC, errno);
}

_Noreturn void spare_main(const struct prepare_order *job, const int ends[static SPARE_ENDS])
{
	struct plan plan;
	char *strings;
	int r;

	arrange_fds(ends);
	if (!job->sandbox) { /* there it has been so from the nursery on */
		be_first_to_die();
		r = spare_limits(&job->limits);
		if (r < 0)
			fail(SPARE_STAGE_LIMITS, -r);
	}
	default_signals();
	(void)setsid();
	(void)umask(022);
	/* Not later: the kernel works on a filter for a while, and all that follows passes it. */
	r = policy_load(job->network ? POLICY_JOB_NETWORK : POLICY_JOB);
	if (r < 0)
		fail(SPARE_STAGE_FILTER, -r);
	read_all(PLAN_FD, &plan, sizeof(plan));
	strings = malloc(plan.strings_len + 1);
	if (strings == NULL)
		fail(SPARE_STAGE_PLAN, ENOMEM);
	read_all(PLAN_FD, strings, plan.strings_len);
	(void)close(PLAN_FD);
	become_program(job, &plan, strings);
}

void spare_ends_close(int ends[static SPARE_ENDS])
{
	for (int i = 0; i < SPARE_ENDS; i++)
		if (ends[i] >= 0)
			(void)close(TAKE_FD(ends[i]));
}

/* One pipe: ours is the end that does not block. */
static int open_pipe(enum spare_end end, int *ret_ours, int *ret_theirs)
{
	bool inward = end == SPARE_STDIN || end == SPARE_PLAN;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[inward ? 1 : 0];
	*ret_theirs = fds[inward ? 0 : 1];
	/* So that a program that prints much and we seldom wait for one another. */
	if (end == SPARE_STDOUT)
		(void)fcntl(*ret_ours, F_SETPIPE_SZ, STDOUT_PIPE_BYTES);
	/* The plan is written while its reader is still one of us. */
	if (end != SPARE_PLAN)
		(void)fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
	return 0;
}

int spare_open(const struct prepare_order *job, unsigned int number, struct spare *ret,
	int ret_theirs[static SPARE_ENDS], struct err *err)
{
	struct spare spare = SPARE_EMPTY;
	int *ours[SPARE_ENDS] = {
		[SPARE_STDIN] = &spare.in_fd,
		[SPARE_STDOUT] = &spare.out_fd,
		[SPARE_STDERR] = &spare.err_fd,
		[SPARE_STATUS] = &spare.status_fd,
		[SPARE_PLAN] = &spare.plan_fd,
	};
	int theirs[SPARE_ENDS] = { -1, -1, -1, -1, -1 }, r = 0;

	/* The job may open /dev/stdin and its sisters by name: they are its own. */
	rights_files_as(job->job_uid);
	for (int i = 0; r == 0 && i < SPARE_ENDS; i++)
		r = open_pipe((enum spare_end)i, ours[i], &theirs[i]);
	rights_files_as(job->agent_uid);
	if (r < 0) {
		spare_close(&spare);
		spare_ends_close(theirs);
		return err_set(err, -r, "pipe");
	}
	spare.state = SPARE_OPEN;
	spare.number = number;
	*ret = spare;
	memcpy(ret_theirs, theirs, sizeof(theirs));
	return 0;
}

int spare_fork(
	const struct prepare_order *job, unsigned int number, struct spare *ret, struct err *err)
{
	int theirs[SPARE_ENDS];
	int r = spare_open(job, number, ret, theirs, err);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		spare_main(job, theirs);
	r = pid < 0 ? err_set(err, errno, "fork a spare") : 0;
	spare_ends_close(theirs);
	if (r < 0) {
		spare_close(ret);
		return r;
	}
	ret->state = SPARE_FORKED;
	ret->pid = pid;
	return 0;
}

/* Blocking is right: the reader is still ours and reads at once. */
static int write_all(int fd, struct iovec *iov, int n)
{
	while (n > 0) {
		ssize_t done = writev(fd, iov, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		for (; n > 0 && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int spare_go(struct spare *spare, const struct step_order *step, struct err *err)
{
	struct plan plan;
	struct iovec iov[] = { { .iov_base = &plan, .iov_len = sizeof(plan) },
		{ .iov_base = step->strings, .iov_len = step->strings_len } };
	int r;

	(void)memset(&plan, 0, sizeof(plan)); /* and what is between its members */
	plan.limits = step->limits;
	plan.argc = step->argc;
	plan.envc = step->envc;
	plan.strings_len = step->strings_len;
	plan.open_input = step->open_input;
	plan.place = step->place;
	r = write_all(spare->plan_fd, iov, 2);
	(void)close(TAKE_FD(spare->plan_fd));
	return r < 0 ? err_set(err, -r, "send the plan") : 0;
}

int spare_failed(const struct spare *spare, struct spare_failure *ret)
{
	struct spare_failure failure;

	if (read(spare->status_fd, &failure, sizeof(failure)) != (ssize_t)sizeof(failure))
		return 0;
	*ret = failure;
	return 1;
}

const char *spare_stage_name(int32_t stage)
{
	switch (stage) {
	case SPARE_STAGE_RIGHTS:
		return "become the job's user";
	case SPARE_STAGE_LIMITS:
		return "set limits";
	case SPARE_STAGE_WORKSPACE:
		return "enter " AGENT_WORKSPACE;
	case SPARE_STAGE_FILTER:
		return "load the system call filter";
	case SPARE_STAGE_PLAN:
		return "read what to do";
	default:
		return "execute";
	}
}

void spare_close(struct spare *spare)
{
	int *all[] = { &spare->plan_fd, &spare->status_fd, &spare->in_fd, &spare->out_fd,
		&spare->err_fd };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (*all[i] >= 0)
			(void)close(*all[i]);
	meter_close(&spare->meter);
	*spare = SPARE_EMPTY;
}
