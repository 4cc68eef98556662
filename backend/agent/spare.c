/* SPDX-License-Identifier: MIT */
#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "policy.h"
#include "rights.h"

#define STATUS_FD   3
#define PLAN_FD     4
#define STACK_BYTES (64 * MIB)
#define SIGNALS_MAX 1024

/* What goes through the plan's pipe, followed by strings_len bytes. */
struct plan {
	struct limits limits;
	uint32_t argc, envc;
	uint64_t strings_len;
};

/* The pipes of one spare: [0] is read from, [1] written to. */
struct pipes {
	int plan[2], status[2], in[2], out[2], err[2];
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
		if (n <= 0)
			_exit(0); /* not needed after all */
		at += n;
		len -= (size_t)n;
	}
}

static void default_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL);
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

/* Descriptors 0 to 4 and nothing else. */
static void arrange_fds(const struct pipes *p)
{
	int want[] = { p->in[0], p->out[1], p->err[1], p->status[1], p->plan[0] };
	const int n = (int)(sizeof(want) / sizeof(want[0]));

	for (int i = 0; i < n; i++) /* out of the way of the low numbers first */
		want[i] = fcntl(want[i], F_DUPFD, 16);
	for (int i = 0; i < n; i++)
		if (want[i] < 0 || dup3(want[i], i, i < STATUS_FD ? 0 : O_CLOEXEC) < 0)
			_exit(126);
	if (syscall(SYS_close_range, n, ~0U, 0) < 0)
		for (int fd = n; fd < 4096; fd++)
			(void)close(fd);
}

static int limit_to(int resource, int64_t value)
{
	struct rlimit old, limit;

	if (getrlimit((__rlimit_resource_t)resource, &old) < 0)
		return -errno;
	limit.rlim_max = (rlim_t)value < old.rlim_max ? (rlim_t)value : old.rlim_max;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

static int apply_limits(const struct limits *limits)
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
		{ RLIMIT_NOFILE, limits->v[LIMIT_FILES] },
		/* The cgroup's clock is the limit; this one only holds if ours should fail. */
		{ RLIMIT_CPU, limits->v[LIMIT_CPU] / 1000 + 2 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = limit_to(all[i].resource, all[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Pointers to n strings that follow each other, NULL after them. */
static char **vector(char **strings, uint32_t n)
{
	char **list = calloc((size_t)n + 1, sizeof(*list));

	if (list == NULL)
		fail(SPARE_STAGE_EXEC, ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		list[i] = *strings;
		*strings += strlen(*strings) + 1;
	}
	return list;
}

static _Noreturn void become_program(
	const struct prepare_order *job, const struct plan *plan, char *strings)
{
	char **argv = vector(&strings, plan->argc);
	char **envp = vector(&strings, plan->envc);
	int r = apply_limits(&plan->limits);

	if (r < 0)
		fail(SPARE_STAGE_LIMITS, -r);
	r = rights_become_job(job->job_uid);
	if (r < 0)
		fail(SPARE_STAGE_RIGHTS, -r);
	if (chdir(AGENT_WORKSPACE) < 0)
		fail(SPARE_STAGE_WORKSPACE, errno);
	if (argv[0] == NULL)
		fail(SPARE_STAGE_EXEC, EINVAL);
	environ = envp; /* execvp looks for PATH there */
	(void)execvp(argv[0], argv);
	fail(SPARE_STAGE_EXEC, errno);
}

static _Noreturn void spare_main(const struct prepare_order *job, const struct pipes *p)
{
	struct plan plan;
	char *strings;
	int r;

	arrange_fds(p);
	be_first_to_die();
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
		fail(SPARE_STAGE_EXEC, ENOMEM);
	read_all(PLAN_FD, strings, plan.strings_len);
	(void)close(PLAN_FD);
	become_program(job, &plan, strings);
}

static void pipes_close(struct pipes *p)
{
	int *all[] = { p->plan, p->status, p->in, p->out, p->err };

	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 2; k++)
			if (all[i][k] >= 0)
				(void)close(all[i][k]);
}

static int pipes_open(const struct prepare_order *job, struct pipes *p, struct err *err)
{
	int *all[] = { p->plan, p->status, p->in, p->out, p->err };

	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	for (size_t i = 0; i < 5; i++) {
		int r;

		/* The job may open /dev/stdin and its sisters by name: they are its own. */
		if (i >= 2)
			rights_files_as(job->job_uid);
		r = pipe2(all[i], O_CLOEXEC);
		rights_files_as(job->agent_uid);
		if (r < 0) {
			(void)err_set(err, errno, "pipe");
			pipes_close(p);
			return -err->code;
		}
	}
	return 0;
}

static int take_end(int fd[2], int which, bool nonblock)
{
	if (nonblock)
		(void)fcntl(fd[which], F_SETFL, O_NONBLOCK);
	return TAKE_FD(fd[which]);
}

int spare_fork(
	const struct prepare_order *job, unsigned int number, struct spare *ret, struct err *err)
{
	struct pipes p;
	pid_t pid;
	int r = pipes_open(job, &p, err);

	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0) {
		(void)err_set(err, errno, "fork a spare");
		pipes_close(&p);
		return -err->code;
	}
	if (pid == 0)
		spare_main(job, &p);
	*ret = SPARE_EMPTY;
	ret->state = SPARE_FORKED;
	ret->number = number;
	ret->pid = pid;
	ret->plan_fd = take_end(p.plan, 1, false);
	ret->status_fd = take_end(p.status, 0, true);
	ret->in_fd = take_end(p.in, 1, true);
	ret->out_fd = take_end(p.out, 0, true);
	ret->err_fd = take_end(p.err, 0, true);
	pipes_close(&p);
	return 0;
}

static int write_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int spare_go(struct spare *spare, const struct step_order *step, struct err *err)
{
	struct plan plan = { .limits = step->limits,
		.argc = step->argc,
		.envc = step->envc,
		.strings_len = step->strings_len };
	/* Blocking is right: the reader is still ours and reads at once. */
	int r = write_all(spare->plan_fd, &plan, sizeof(plan));

	if (r == 0)
		r = write_all(spare->plan_fd, step->strings, step->strings_len);
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
