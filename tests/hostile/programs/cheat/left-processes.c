/* SPDX-License-Identifier: MIT */
/* Traces that are processes, and what a process passes on to those that it starts. */
#include "hostile.h"

#include <dirent.h>
#include <grp.h>
#include <sys/personality.h>
#include <sys/time.h>

#include "traces.h"

#define SIGNALS 500

/* --- processes ------------------------------------------------------------- */

/* Becomes what is in that state for good. */
static void child_that(void (*ends)(void), int state)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		ends();
		_exit(0);
	}
	if (pid > 0)
		(void)waitid(P_PID, (id_t)pid, &info, state | WNOWAIT);
}

static void end(void)
{
	_exit(0);
}

static void stop(void)
{
	(void)raise(SIGSTOP);
}

/* Holds every descriptor that the traces before it opened. */
__attribute__((noreturn)) static void hold(int ready)
{
	const union sigval nothing = { 0 };
	sigset_t set;

	(void)setsid();
	(void)prctl(PR_SET_NAME, "left");
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	child_that(end, WEXITED);
	child_that(stop, WSTOPPED);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGRTMIN);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < SIGNALS; i++)
		(void)sigqueue(getpid(), SIGRTMIN, nothing);
	put(ready, "", 1);
	wait_for_ever();
}

static void leave_processes(const char *arg)
{
	int ready[2];
	char byte;

	(void)arg;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return;
	if (fork() == 0)
		hold(ready[1]);
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errno = 0;
	(void)close(ready[0]);
}

static bool found_process(const char *state)
{
	char path[300], said[16];
	const struct dirent *entry;
	bool found = false;
	DIR *dir = opendir("/proc");

	(void)snprintf(said, sizeof(said), "(left) %s", state);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			trace_file_has(path, said);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* Of the user's share. */
static bool found_signals(const char *arg)
{
	char line[256];
	unsigned long used = 0;
	FILE *f = fopen("/proc/self/status", "re");

	(void)arg;
	while (f != NULL && used == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "SigQ:", 5) == 0)
			used = strtoul(line + 5, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return used >= SIGNALS;
}

const struct trace traces_processes[] = {
	{ "a process", leave_processes, found_process, "S", NULL },
	{ "a process that ended", NULL, found_process, "Z", NULL },
	{ "a process that was stopped", NULL, found_process, "T", NULL },
	{ "queued signals", NULL, found_signals, NULL, NULL },
	{ 0 },
};

/* --- what is passed on ----------------------------------------------------- */

#define FILES      33
#define MASK       0123
#define NICE       7
#define IO_LOW     (2 << 13 | 6)
#define DESCRIPTOR 30
#define SLACK_NS   123456UL
#define GROUP      4242

static void leave_limit(const char *arg)
{
	struct rlimit limit = { 0 };

	(void)arg;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = FILES;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool found_limit(const char *arg)
{
	struct rlimit limit;

	(void)arg;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == FILES;
}

static void leave_umask(const char *arg)
{
	(void)arg;
	(void)umask(MASK);
}

static bool found_umask(const char *arg)
{
	mode_t mask = umask(022);

	(void)arg;
	(void)umask(mask);
	return mask == MASK;
}

static void leave_directory(const char *path)
{
	if (chdir(path) < 0)
		errno = 0;
}

static bool found_directory(const char *path)
{
	char cwd[300];

	return getcwd(cwd, sizeof(cwd)) != NULL && strcmp(cwd, path) == 0;
}

static void leave_nice(const char *arg)
{
	(void)arg;
	(void)setpriority(PRIO_PROCESS, 0, NICE);
}

static bool found_nice(const char *arg)
{
	(void)arg;
	return getpriority(PRIO_PROCESS, 0) == NICE;
}

static void leave_io(const char *arg)
{
	(void)arg;
	(void)syscall(SYS_ioprio_set, 1, 0, IO_LOW);
}

static bool found_io(const char *arg)
{
	(void)arg;
	return syscall(SYS_ioprio_get, 1, 0) == IO_LOW;
}

/* Of several processors only the first. */
static void leave_policy(const char *arg)
{
	const struct sched_param param = { 0 };

	(void)arg;
	(void)sched_setscheduler(0, SCHED_BATCH, &param);
}

static bool found_policy(const char *arg)
{
	(void)arg;
	return sched_getscheduler(0) == SCHED_BATCH;
}

static void leave_personality(const char *arg)
{
	(void)arg;
	(void)personality(ADDR_NO_RANDOMIZE);
}

static bool found_personality(const char *arg)
{
	(void)arg;
	return (personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0;
}

/* One that is blocked and has come, one that is ignored. */
static void leave_signals(const char *arg)
{
	sigset_t set;

	(void)arg;
	(void)signal(SIGUSR2, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)raise(SIGUSR1);
}

static bool found_blocked(const char *arg)
{
	sigset_t set;

	(void)arg;
	return sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR1) == 1;
}

static bool found_ignored(const char *arg)
{
	struct sigaction action;

	(void)arg;
	return sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool found_pending(const char *arg)
{
	sigset_t set;

	(void)arg;
	return sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1;
}

static void leave_timer(const char *arg)
{
	const struct itimerval later = { .it_value.tv_sec = 1000 };

	(void)arg;
	(void)setitimer(ITIMER_REAL, &later, NULL);
}

static bool found_timer(const char *arg)
{
	struct itimerval now;

	(void)arg;
	return getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec > 0;
}

/* arg: file=text of /proc/self. */
static int own_file(const char *arg, int flags)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "/proc/self/%.*s", (int)strcspn(arg, "="), arg);
	return open(path, flags | O_CLOEXEC);
}

static void leave_own(const char *arg)
{
	const char *text = strchr(arg, '=') + 1;
	int fd = own_file(arg, O_WRONLY);

	put(fd, text, strlen(text));
	(void)close(fd);
}

static bool found_own(const char *arg)
{
	const char *text = strchr(arg, '=') + 1;
	char is[32] = "";
	int fd = own_file(arg, O_RDONLY);
	ssize_t n = read(fd, is, sizeof(is) - 1);

	(void)close(fd);
	return n > 0 && strtoul(is, NULL, text[0] == '0' ? 16 : 10) == strtoul(text, NULL, 0);
}

static void leave_environment(const char *name)
{
	(void)setenv(name, "1", 1);
}

static bool found_environment(const char *name)
{
	return getenv(name) != NULL;
}

static void leave_descriptor(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)dup2(fd, DESCRIPTOR);
}

static bool found_descriptor(const char *path)
{
	(void)path;
	return fcntl(DESCRIPTOR, F_GETFD) >= 0;
}

/* Whoever has the same input has the same flags. */
static void leave_flags(const char *arg)
{
	(void)arg;
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
}

static bool found_flags(const char *arg)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);

	(void)arg;
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

static void leave_slack(const char *arg)
{
	(void)arg;
	(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
}

static bool found_slack(const char *arg)
{
	(void)arg;
	return prctl(PR_GET_TIMERSLACK) == (int)SLACK_NS;
}

static void leave_pages(const char *arg)
{
	(void)arg;
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static bool found_pages(const char *arg)
{
	(void)arg;
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
}

static void leave_groups(const char *arg)
{
	const gid_t group = GROUP;

	(void)arg;
	(void)setgroups(1, &group);
}

static bool found_groups(const char *arg)
{
	gid_t groups[64];
	int n = getgroups(64, groups);

	(void)arg;
	for (int i = 0; i < n; i++)
		if (groups[i] == GROUP)
			return true;
	return false;
}

const struct trace traces_inherited[] = {
	{ "a limit", leave_limit, found_limit, NULL, NULL },
	{ "the mask of modes", leave_umask, found_umask, NULL, NULL },
	{ "the directory", leave_directory, found_directory, "/", NULL },
	{ "niceness", leave_nice, found_nice, NULL, NULL },
	{ "niceness to disks", leave_io, found_io, NULL, NULL },
	{ "the scheduler", leave_policy, found_policy, NULL, NULL },
	{ "the personality", leave_personality, found_personality, NULL, NULL },
	{ "a blocked signal", leave_signals, found_blocked, NULL, NULL },
	{ "an ignored signal", NULL, found_ignored, NULL, NULL },
	{ "a signal that waits", NULL, found_pending, NULL, NULL },
	{ "a timer", leave_timer, found_timer, NULL, NULL },
	{ "who dies first", leave_own, found_own, "oom_score_adj=937", NULL },
	{ "what core files hold", leave_own, found_own, "coredump_filter=0x11", NULL },
	{ "the environment", leave_environment, found_environment, "LEFT", NULL },
	{ "a descriptor", leave_descriptor, found_descriptor, "/dev/null", NULL },
	{ "flags of the input", leave_flags, found_flags, NULL, NULL },
	{ "slack of timers", leave_slack, found_slack, NULL, NULL },
	{ "the size of pages", leave_pages, found_pages, NULL, NULL },
	{ "groups", leave_groups, found_groups, NULL, NULL },
	{ 0 },
};
