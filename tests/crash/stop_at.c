/* SPDX-License-Identifier: MIT */
/*
 * Kills a process at its n-th call of some kind, counted over all of its threads.
 *
 *	stop_at PID N before|after
 *
 * Prints "ready" once it watches all threads. At the n-th call the process gets SIGKILL: before
 * the call is made, or when it has been made. Once it is dead, or at SIGTERM where it was not
 * killed, prints how many calls there were and the name of the n-th, or "-". Exit status 1: the
 * process was not there, or ended by itself.
 *
 * The calls: all that write to a file or to a peer, make it durable, give it a name, or connect.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS   (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
#define CALL_STOP (SIGTRAP | 0x80) /* as PTRACE_O_TRACESYSGOOD marks it */

static const struct {
	unsigned long number;
	const char *name;
} calls[] = {
	/* clang-format off */
	{ SYS_write, "write" }, { SYS_writev, "writev" }, { SYS_pwrite64, "pwrite64" },
	{ SYS_pwritev, "pwritev" }, { SYS_sendto, "sendto" }, { SYS_sendmsg, "sendmsg" },
	{ SYS_sendmmsg, "sendmmsg" }, { SYS_sendfile, "sendfile" },
	{ SYS_copy_file_range, "copy_file_range" }, { SYS_splice, "splice" },
	{ SYS_fsync, "fsync" }, { SYS_fdatasync, "fdatasync" }, { SYS_syncfs, "syncfs" },
	{ SYS_sync_file_range, "sync_file_range" }, { SYS_ftruncate, "ftruncate" },
	{ SYS_linkat, "linkat" }, { SYS_renameat2, "renameat2" }, { SYS_unlinkat, "unlinkat" },
	{ SYS_connect, "connect" },
#ifdef SYS_rename
	{ SYS_link, "link" }, { SYS_rename, "rename" }, { SYS_renameat, "renameat" },
	{ SYS_unlink, "unlink" },
#else
	{ SYS_renameat, "renameat" },
#endif
	/* clang-format on */
};

struct stopper {
	pid_t pid;
	long n;
	bool after;
	long seen;
	const char *at;  /* the n-th call's name */
	pid_t inside_of; /* the thread that makes it, with `after` */
};

static const char *name_of(unsigned long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

/* One thread and, as it may be making others, all that are there. */
static bool seize_all(pid_t pid)
{
	char path[64];
	DIR *dir;
	bool found = false;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid > 0 && ptrace(PTRACE_SEIZE, tid, 0, OPTIONS) == 0) {
			found = true;
			(void)ptrace(PTRACE_INTERRUPT, tid, 0, 0);
		}
	}
	(void)closedir(dir);
	return found;
}

static void on_call(struct stopper *s, pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };
	const char *name;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		if (s->inside_of == tid)
			(void)kill(s->pid, SIGKILL);
		return;
	}
	name = info.op == PTRACE_SYSCALL_INFO_ENTRY ? name_of(info.entry.nr) : NULL;
	if (name == NULL || ++s->seen != s->n)
		return;
	s->at = name;
	if (s->after)
		s->inside_of = tid;
	else
		(void)kill(s->pid, SIGKILL);
}

/* Lets it go on; a signal that was on its way is delivered. */
static void on_stop(struct stopper *s, pid_t tid, int status)
{
	int sig = WSTOPSIG(status);
	int event = status >> 16;

	if (sig == CALL_STOP) {
		on_call(s, tid);
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP &&
		   (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
		(void)ptrace(PTRACE_LISTEN, tid, 0, 0);
		return;
	} else if (event != 0) {
		sig = 0;
	}
	(void)ptrace(PTRACE_SYSCALL, tid, 0, sig);
}

/* False once the whole process has ended. */
static bool take_all(struct stopper *s)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status))
			on_stop(s, tid, status);
		else if (tid == s->pid)
			return false;
	}
	return tid == 0;
}

/* Who was killed is seen to its end; who is to be killed after a call that lasts, dies in it. */
static bool asked_to_end(const struct stopper *s)
{
	if (s->at != NULL)
		(void)kill(s->pid, SIGKILL);
	return s->at == NULL;
}

int main(int argc, char **argv)
{
	struct stopper s = { 0 };
	sigset_t set;
	bool ready = false;
	bool alive;

	if (argc != 4 || (strcmp(argv[3], "before") != 0 && strcmp(argv[3], "after") != 0)) {
		(void)fprintf(stderr, "usage: stop_at PID N before|after\n");
		return 2;
	}
	s.pid = (pid_t)strtol(argv[1], NULL, 10);
	s.n = strtol(argv[2], NULL, 10);
	s.after = strcmp(argv[3], "after") == 0;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (s.pid <= 0 || !seize_all(s.pid)) {
		(void)fprintf(stderr, "stop_at: process %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while ((alive = take_all(&s))) {
		if (!ready) {
			(void)printf("ready\n");
			(void)fflush(stdout);
			ready = true;
		}
		if (sigwaitinfo(&set, NULL) == SIGTERM && asked_to_end(&s))
			break;
	}
	(void)printf("%ld %s\n", s.seen, s.at != NULL ? s.at : "-");
	return !alive && s.at == NULL;
}
