/* SPDX-License-Identifier: MIT */
/*
 * What jobs do, good and bad, in one static program without a libc at run time:
 * tests need no image. `payload` alone lists its commands. Costs are exact where
 * a test compares figures: spin burns the cpu time it is told, memory touches
 * the bytes it is told.
 */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024UL * 1024)

static unsigned long number(char **args, size_t i)
{
	for (size_t k = 0; k <= i; k++)
		if (args[k] == NULL)
			exit(2);
	return strtoul(args[i], NULL, 10);
}

static double clock_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1000000;
}

static void burn(unsigned long ms)
{
	while (clock_ms(CLOCK_PROCESS_CPUTIME_ID) < (double)ms)
		;
}

static void write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno != EINTR)
			exit(1);
		at += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
}

static int do_hello(char **args)
{
	(void)args;
	(void)puts("hello");
	return 0;
}

static int do_exit(char **args)
{
	return (int)number(args, 0);
}

static int do_abort(char **args)
{
	(void)args;
	abort();
}

static int do_segv(char **args)
{
	(void)args;
	return raise(SIGSEGV);
}

static int do_echo(char **args)
{
	static char buf[65536];
	ssize_t n;

	(void)args;
	while ((n = read(0, buf, sizeof(buf))) > 0)
		write_all(1, buf, (size_t)n);
	return n < 0;
}

static void on_told(int number)
{
	const char *text = number == SIGINT ? "INT\n" : number == SIGUSR1 ? "USR1\n" : "other\n";

	write_all(1, text, strlen(text));
}

/* Asks, without a line end, and answers: nothing is said before it is asked. */
static int do_ask(char **args)
{
	const struct sigaction told = { .sa_handler = on_told, .sa_flags = SA_RESTART };
	char line[1000];

	(void)args;
	(void)sigaction(SIGINT, &told, NULL);
	(void)sigaction(SIGUSR1, &told, NULL);
	for (;;) {
		write_all(1, "name? ", 6);
		if (fgets(line, sizeof(line), stdin) == NULL)
			break;
		write_all(1, "hello ", 6);
		write_all(1, line, strlen(line));
	}
	write_all(1, "bye\n", 4);
	return 0;
}

static int do_args(char **args)
{
	for (; *args != NULL; args++)
		(void)puts(*args);
	for (char **env = environ; *env != NULL; env++)
		(void)puts(*env);
	return 0;
}

static int do_spin(char **args)
{
	burn(number(args, 0));
	(void)printf("%.3f\n", clock_ms(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}

/* Runs `work` in a process that is nobody's child any more. The pipe ends with it. */
static int orphan(void (*work)(unsigned long), unsigned long arg, bool wait_for_it)
{
	int done[2];
	char byte;
	pid_t pid;

	if (pipe(done) < 0 || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		if (fork() == 0) {
			(void)setsid();
			(void)signal(SIGTERM, SIG_IGN);
			(void)signal(SIGHUP, SIG_IGN);
			(void)close(done[0]);
			work(arg);
		}
		_exit(0);
	}
	(void)close(done[1]);
	(void)waitpid(pid, NULL, 0);
	while (wait_for_it && read(done[0], &byte, 1) < 0 && errno == EINTR)
		;
	return 0;
}

static int do_orphan(char **args)
{
	return orphan(burn, number(args, 0), true);
}

static int do_survivor(char **args)
{
	(void)args;
	return orphan(burn, 1000000, false);
}

static int do_sleep(char **args)
{
	unsigned long ms = number(args, 0);
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
	double before = clock_ms(CLOCK_MONOTONIC);
	int r = nanosleep(&ts, NULL);

	(void)printf("%.3f\n", clock_ms(CLOCK_MONOTONIC) - before);
	return r < 0;
}

/* Ignores everything that can be ignored. */
static _Noreturn int do_pause(char **args)
{
	(void)args;
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_IGN);
	for (;;)
		(void)pause();
}

static int do_stop(char **args)
{
	(void)args;
	return raise(SIGSTOP);
}

static int do_kill_all(char **args)
{
	(void)args;
	(void)kill(-1, SIGKILL);
	return 0;
}

/* touch BYTES: of anonymous memory */
static int do_touch(char **args)
{
	size_t n = number(args, 0);
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < n; i += 4096)
		((volatile char *)p)[i] = 1;
	return 0;
}

/* Two processes that both have it at one time. */
static int do_touch_two(char **args)
{
	int pair[2];
	char byte = 0;
	pid_t pid;
	int r;

	if (pipe(pair) < 0 || (pid = fork()) < 0)
		return 1;
	r = do_touch(args);
	if (pid == 0) { /* says that it has touched, and lives until it is killed */
		write_all(pair[1], &byte, 1);
		for (;;)
			(void)pause();
	}
	r |= read(pair[0], &byte, 1) != 1;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r;
}

/* The memory is a child's; the first process lives on. */
static int do_touch_child(char **args)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(do_touch(args));
	(void)waitpid(pid, NULL, 0);
	do_pause(args);
}

/* 28 where there is no space left. */
static int write_file(const char *name, unsigned long bytes)
{
	static char block[65536];
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return errno == ENOSPC ? 28 : 1;
	memset(block, 'x', sizeof(block));
	while (bytes > 0) {
		size_t want = bytes < sizeof(block) ? bytes : sizeof(block);
		ssize_t n = write(fd, block, want);

		if (n <= 0)
			return errno == ENOSPC ? 28 : 1;
		bytes -= (unsigned long)n;
	}
	return close(fd) < 0;
}

/* tmpfs BYTES PATH */
static int do_tmpfs(char **args)
{
	unsigned long bytes = number(args, 0);

	return write_file(args[1] == NULL ? "tmpfs.bin" : args[1], bytes);
}

/* Fills the workspace file by file, so that the file size is not what stops it. */
static int do_fill(char **args)
{
	char name[32];
	int r = 0;

	if (args[0] != NULL && chdir(args[0]) < 0)
		return 1;
	for (int i = 0; r == 0 && i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "fill%d", i);
		r = write_file(name, MIB);
	}
	return r;
}

static int do_inodes(char **args)
{
	char name[32];

	if (args[0] != NULL && chdir(args[0]) < 0)
		return 1;
	for (int i = 0;; i++) {
		int fd;

		(void)snprintf(name, sizeof(name), "i%d", i);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		if (fd < 0)
			return errno == ENOSPC ? 28 : 1;
		(void)close(fd);
	}
}

static int do_bigfile(char **args)
{
	return write_file("big.bin", number(args, 0) * MIB);
}

static _Noreturn int do_forkbomb(char **args)
{
	(void)args;
	for (;;)
		(void)fork();
}

/* Forks until that is refused, says how many it had, and fails. */
static int do_forks(char **args)
{
	int n = 1;

	(void)args;
	for (pid_t pid; (pid = fork()) >= 0; n++)
		if (pid == 0)
			for (;;)
				(void)pause();
	(void)printf("%d\n", n);
	return 1;
}

/* flood FD BYTES CHUNK [LINE]: a newline at the end of every LINE bytes */
static int do_flood(char **args)
{
	static char buf[65536];
	int fd = (int)number(args, 0);
	unsigned long left = number(args, 1), chunk = number(args, 2);
	unsigned long line = args[3] == NULL ? 0 : number(args, 3);

	if (chunk == 0 || chunk > sizeof(buf))
		return 2;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = line > 0 && i % line == line - 1 ? '\n' : 'y';
	while (left > 0) {
		size_t n = left < chunk ? left : chunk;

		write_all(fd, buf, n);
		left -= n;
	}
	return 0;
}

/* Every byte value in every place, `n` times. */
static int do_bytes(char **args)
{
	unsigned char all[256];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	for (unsigned long n = number(args, 0); n > 0; n--)
		write_all(1, all, sizeof(all));
	return 0;
}

/* Text first, then 200 KB on stderr after everything else. */
static int do_late_stderr(char **args)
{
	char *flood[] = { (char *)"2", (char *)"204800", (char *)"4096", NULL };

	(void)args;
	write_all(1, "done\n", 5);
	(void)close(1);
	return do_flood(flood);
}

static int do_close_stdout(char **args)
{
	(void)close(1);
	burn(number(args, 0));
	write_all(2, "still here\n", 11);
	return 7;
}

/* Ends at once; a child keeps stdout open. */
static int do_hold_stdout(char **args)
{
	if (fork() == 0)
		do_pause(args);
	write_all(1, "left\n", 5);
	return 0;
}

static int do_fds(char **args)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	(void)args;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != dirfd(dir))
			(void)printf("%s ", entry->d_name);
	(void)printf("\n");
	return dir == NULL;
}

/* Opens its output by name, as shells and scripts do. */
static int do_reopen(char **args)
{
	int fd = open("/dev/stderr", O_WRONLY);

	(void)args;
	write_all(fd, "by name\n", 8);
	return 0;
}

static int do_openfiles(char **args)
{
	int n = 3;

	(void)args;
	while (dup(0) >= 0)
		n++;
	(void)printf("%d\n", n);
	return errno != EMFILE;
}

/* Who it is and what it was given, one fact a line. */
static int do_status(char **args)
{
	static const int limits[] = { RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_MEMLOCK };
	sigset_t mask;
	int blocked = 0, ignored = 0;
	char cwd[256];

	(void)args;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action;

		blocked += sigismember(&mask, i) == 1;
		ignored += sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
	}
	(void)printf("uid %u %u gid %u groups %d blocked %d ignored %d umask %o cwd %s sid %d\n",
		getuid(), geteuid(), getgid(), getgroups(0, NULL), blocked, ignored, umask(0),
		getcwd(cwd, sizeof(cwd)), getsid(0) == getpid());
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit r;

		(void)getrlimit((__rlimit_resource_t)limits[i], &r);
		(void)printf(
			"rlimit %lu %lu\n", (unsigned long)r.rlim_cur, (unsigned long)r.rlim_max);
	}
	return 0;
}

static int do_cat(char **args)
{
	static char buf[65536];
	int fd = args[0] == NULL ? -1 : open(args[0], O_RDONLY);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		write_all(1, buf, (size_t)n);
	return fd < 0;
}

static const struct {
	const char *name;
	int (*run)(char **args);
} commands[] = {
	{ "abort", do_abort },
	{ "args", do_args },
	{ "ask", do_ask },
	{ "attack", attack },
	{ "bigfile", do_bigfile },
	{ "bytes", do_bytes },
	{ "cat", do_cat },
	{ "close-stdout", do_close_stdout },
	{ "echo", do_echo },
	{ "exit", do_exit },
	{ "fds", do_fds },
	{ "fill", do_fill },
	{ "flood", do_flood },
	{ "forkbomb", do_forkbomb },
	{ "forks", do_forks },
	{ "hello", do_hello },
	{ "hold-stdout", do_hold_stdout },
	{ "inodes", do_inodes },
	{ "kill-all", do_kill_all },
	{ "late-stderr", do_late_stderr },
	{ "leave", leave },
	{ "mark", mark },
	{ "openfiles", do_openfiles },
	{ "orphan", do_orphan },
	{ "pause", do_pause },
	{ "procfs", procfs },
	{ "reopen", do_reopen },
	{ "segv", do_segv },
	{ "sleep", do_sleep },
	{ "spin", do_spin },
	{ "status", do_status },
	{ "stop", do_stop },
	{ "survivor", do_survivor },
	{ "syscalls", syscalls },
	{ "syscalls-foreign", syscalls_foreign },
	{ "tmpfs", do_tmpfs },
	{ "touch", do_touch },
	{ "touch-child", do_touch_child },
	{ "touch-two", do_touch_two },
	{ "traces", traces },
	{ "keep", keep },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv + 2);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)fprintf(stderr, "%s\n", commands[i].name);
	return 2;
}
