/* SPDX-License-Identifier: MIT */
/*
 * Kills a process at its n-th call of some kind, counted over all of its threads; or lets that call
 *fail.
 *
 *	stop_at PID N before|after|fail
 *
 * Prints "ready" once it watches all threads. At the n-th call the process gets SIGKILL: before
 * the call is made, or when it has been made. Once it is dead, or at SIGTERM where it was not
 * killed, prints how many calls there were and the name of the n-th, or "-". Exit status 1: the
 * process was not there, or ended by itself.
 *
 * The calls: all that write to a file or to a peer, make it durable, give it a name, or connect.
 *
 * With `fail` it watches all that the process has forked, and will fork, too, but no other program
 *that one of them becomes. The n-th call of the second table, counted over all of them, is not
 *made, and returns the errno that stands there; then all go on. They may end as they like.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS   (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)
#define FAMILY    (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)
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

static const struct {
	unsigned long number;
	const char *name;
	int code;
} failing[] = {
	/* clang-format off */
	{ SYS_read, "read", EIO }, { SYS_pread64, "pread64", EIO }, { SYS_readv, "readv", EIO },
	{ SYS_write, "write", EIO }, { SYS_writev, "writev", EPIPE }, { SYS_pwrite64, "pwrite64", ENOSPC },
	{ SYS_recvmsg, "recvmsg", ECONNRESET }, { SYS_recvfrom, "recvfrom", ECONNRESET },
	{ SYS_sendmsg, "sendmsg", ENOBUFS }, { SYS_sendto, "sendto", ENOBUFS },
	{ SYS_ppoll, "ppoll", EINTR }, { SYS_openat, "openat", EMFILE }, { SYS_openat2, "openat2", EMFILE },
	{ SYS_mkdirat, "mkdirat", ENOSPC }, { SYS_unlinkat, "unlinkat", EIO },
	{ SYS_getdents64, "getdents64", EIO }, { SYS_ftruncate, "ftruncate", EIO },
	{ SYS_fallocate, "fallocate", ENOSPC }, { SYS_fchown, "fchown", EIO }, { SYS_fchmod, "fchmod", EIO },
	{ SYS_fchownat, "fchownat", EIO }, { SYS_fchmodat, "fchmodat", EIO }, { SYS_fstatfs, "fstatfs", EIO },
	{ SYS_pipe2, "pipe2", EMFILE }, { SYS_socketpair, "socketpair", EMFILE },
	{ SYS_signalfd4, "signalfd4", EMFILE }, { SYS_timerfd_create, "timerfd_create", EMFILE },
	{ SYS_eventfd2, "eventfd2", EMFILE }, { SYS_memfd_create, "memfd_create", EMFILE },
	{ SYS_pidfd_open, "pidfd_open", EMFILE }, { SYS_dup3, "dup3", EBUSY },
	{ SYS_clone, "clone", EAGAIN }, { SYS_clone3, "clone3", EAGAIN }, 
	{ SYS_mmap, "mmap", ENOMEM }, { SYS_mount, "mount", ENOMEM }, { SYS_unshare, "unshare", ENOSPC },
	{ SYS_setns, "setns", ENOMEM }, { SYS_setresuid, "setresuid", EAGAIN }, { SYS_seccomp, "seccomp", ENOMEM },
	{ SYS_setgroups, "setgroups", ENOMEM }, { SYS_prlimit64, "prlimit64", EPERM },
#ifdef SYS_poll
	{ SYS_poll, "poll", EINTR }, { SYS_open, "open", EMFILE }, { SYS_fork, "fork", EAGAIN },
#endif
	/* clang-format on */
};

struct stopper {
	pid_t pid;
	long n;
	bool after;
	bool fail;
	int code; /* with `fail`: what the n-th call returns */
	long seen;
	const char *at;  /* the n-th call's name */
	pid_t inside_of; /* the thread that makes it, with `after` and `fail` */
};

static const char *name_of(unsigned long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

/* ---- a call that fails --------------------------------------------------------- */

/* In place of the call another one is made that none forbids and that does nothing. */
static bool divert(pid_t tid)
{
#ifdef __x86_64__
	return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, orig_rax),
		       SYS_getpid) == 0;
#elif defined(__aarch64__)
	int number = SYS_getpid;
	struct iovec v = { &number, sizeof(number) };

	return ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &v) == 0;
#else
	(void)tid;
	errno = ENOSYS;
	return false;
#endif
}

static bool give_result(pid_t tid, long result)
{
#ifdef __x86_64__
	return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax), result) == 0;
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec v = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) < 0)
		return false;
	regs.regs[0] = (unsigned long long)result;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v) == 0;
#else
	(void)tid;
	(void)result;
	return false;
#endif
}

static void on_failing_call(struct stopper *s, pid_t tid, const struct __ptrace_syscall_info *info)
{
	if (info->op == PTRACE_SYSCALL_INFO_EXIT && s->inside_of == tid) {
		s->inside_of = 0;
		if (!give_result(tid, -s->code))
			s->at = NULL;
	}
	for (size_t i = 0;
		info->op == PTRACE_SYSCALL_INFO_ENTRY && i < sizeof(failing) / sizeof(failing[0]);
		i++)
		if (failing[i].number == info->entry.nr) {
			if (++s->seen == s->n && divert(tid)) {
				s->at = failing[i].name;
				s->code = failing[i].code;
				s->inside_of = tid;
			}
			break;
		}
}

/* ---- watching ------------------------------------------------------------------ */

/* One thread and, as it may be making others, all that are there. */
static bool seize_all(pid_t pid, unsigned long options)
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

		if (tid > 0 && ptrace(PTRACE_SEIZE, tid, 0, options) == 0) {
			found = true;
			(void)ptrace(PTRACE_INTERRUPT, tid, 0, 0);
		}
	}
	(void)closedir(dir);
	return found;
}

/* All that it has forked, and what these have. */
static void seize_children(pid_t pid)
{
	char path[64], text[4096], *next = text;
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	n = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[n] = '\0';
	for (;;) {
		const char *from = next;
		pid_t child = (pid_t)strtol(from, &next, 10);

		if (next == from)
			break;
		(void)seize_all(child, OPTIONS | FAMILY);
		seize_children(child);
	}
}

static void on_call(struct stopper *s, pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };
	const char *name;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0)
		return;
	if (s->fail)
		return on_failing_call(s, tid, &info);
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

	if (event == PTRACE_EVENT_EXEC) { /* it is another program now */
		(void)ptrace(PTRACE_DETACH, tid, 0, 0);
		return;
	}
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
		else if (tid == s->pid && !s->fail)
			return false;
	}
	return tid == 0 || s->fail;
}

/* Who was killed is seen to its end; who is to be killed after a call that lasts, dies in it. */
static bool asked_to_end(const struct stopper *s)
{
	if (s->at != NULL && !s->fail)
		(void)kill(s->pid, SIGKILL);
	return s->at == NULL || s->fail;
}

int main(int argc, char **argv)
{
	struct stopper s = { 0 };
	sigset_t set;
	bool ready = false;
	bool alive;

	if (argc != 4 || (strcmp(argv[3], "before") != 0 && strcmp(argv[3], "after") != 0 &&
				 strcmp(argv[3], "fail") != 0)) {
		(void)fprintf(stderr, "usage: stop_at PID N before|after|fail\n");
		return 2;
	}
	s.pid = (pid_t)strtol(argv[1], NULL, 10);
	s.n = strtol(argv[2], NULL, 10);
	s.after = strcmp(argv[3], "after") == 0;
	s.fail = strcmp(argv[3], "fail") == 0;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (s.pid <= 0 || !seize_all(s.pid, s.fail ? OPTIONS | FAMILY : OPTIONS)) {
		(void)fprintf(stderr, "stop_at: process %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	if (s.fail)
		seize_children(s.pid);
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
