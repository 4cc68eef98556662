/* SPDX-License-Identifier: MIT */
/*
 * What a job could try on the processes around it and on the kernel. Each
 * attempt prints a line when it was allowed, so that silence is success; run
 * against a child of one's own the same list shows that the attempts are real.
 */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static long open_proc(pid_t pid, const char *what, int flags)
{
	char path[64];
	long fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, flags);
	if (fd >= 0)
		(void)close((int)fd);
	return fd;
}

static long try_mem(pid_t pid)
{
	return open_proc(pid, "mem", O_RDWR);
}

static long try_environ(pid_t pid)
{
	return open_proc(pid, "environ", O_RDONLY);
}

static long try_fd_out(pid_t pid)
{
	return open_proc(pid, "fd/1", O_WRONLY);
}

static long try_exe(pid_t pid)
{
	return open_proc(pid, "exe", O_WRONLY);
}

static long try_oom(pid_t pid)
{
	return open_proc(pid, "oom_score_adj", O_WRONLY);
}

static long try_attach(pid_t pid)
{
	return ptrace(PTRACE_ATTACH, pid, NULL, NULL);
}

static long try_seize(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL);
}

static long try_vm_read(pid_t pid)
{
	char c;
	struct iovec local = { &c, 1 }, remote = { &c, 1 };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static long try_getfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 1, 0);
}

static long try_prlimit(pid_t pid)
{
	struct rlimit limit = { 16, 16 };

	return prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}

static long try_nice(pid_t pid)
{
	return setpriority(PRIO_PROCESS, (id_t)pid, 19);
}

static long try_idle(pid_t pid)
{
	struct sched_param param = { 0 };

	return sched_setscheduler(pid, SCHED_IDLE, &param);
}

static long try_affinity(pid_t pid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(pid, sizeof(set), &set);
}

static long try_stop(pid_t pid)
{
	return kill(pid, SIGSTOP);
}

static long try_term(pid_t pid)
{
	return kill(pid, SIGTERM);
}

static const struct {
	const char *name;
	long (*attempt)(pid_t pid);
} attempts[] = {
	{ "mem", try_mem },
	{ "environ", try_environ },
	{ "fd", try_fd_out },
	{ "exe", try_exe },
	{ "oom", try_oom },
	{ "attach", try_attach },
	{ "seize", try_seize },
	{ "vm_readv", try_vm_read },
	{ "pidfd_getfd", try_getfd },
	{ "prlimit", try_prlimit },
	{ "nice", try_nice },
	{ "idle", try_idle },
	{ "affinity", try_affinity },
	{ "stop", try_stop },
	{ "term", try_term },
};

static int attack_one(pid_t pid)
{
	int allowed = 0;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (attempts[i].attempt(pid) >= 0) {
			(void)printf("%d: %s\n", pid, attempts[i].name);
			allowed++;
		}
	return allowed;
}

/* attack: all processes that it can see but itself; attack child: one of its own */
int attack(char **args)
{
	int allowed = 0;
	pid_t pid;

	if (args[0] != NULL) {
		pid = fork();
		if (pid == 0)
			for (;;)
				(void)pause();
		allowed = attack_one(pid);
		(void)kill(pid, SIGKILL);
		return allowed;
	}
	for (pid = 1; pid < 200; pid++)
		if (pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM))
			allowed += attack_one(pid);
	return allowed;
}

#define FLAG(bit) (1UL << (bit))

/* Calls that must be refused. errno of each is printed: EPERM, ENOSYS or what is said. */
int syscalls(char **args)
{
	static const struct {
		const char *name;
		long number;
		unsigned long a, b, c;
	} calls[] = {
		{ "clone newuser", SYS_clone, FLAG(28) | SIGCHLD, 0, 0 },
		{ "clone newns", SYS_clone, FLAG(17) | SIGCHLD, 0, 0 },
		{ "clone newcgroup", SYS_clone, FLAG(25) | SIGCHLD, 0, 0 },
		{ "clone3", SYS_clone3, 0, 0, 0 },
		{ "unshare", SYS_unshare, FLAG(28), 0, 0 },
		{ "setns", SYS_setns, 0, 0, 0 },
		{ "mount", SYS_mount, 0, 0, 0 },
		{ "umount2", SYS_umount2, 0, 0, 0 },
		{ "pivot_root", SYS_pivot_root, 0, 0, 0 },
		{ "chroot", SYS_chroot, 0, 0, 0 },
		{ "fsopen", SYS_fsopen, 0, 0, 0 },
		{ "open_tree", SYS_open_tree, 0, 0, 0 },
		{ "ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0 },
		{ "process_vm_readv", SYS_process_vm_readv, 0, 0, 0 },
		{ "kcmp", SYS_kcmp, 0, 0, 0 },
		{ "bpf", SYS_bpf, 0, 0, 0 },
		{ "perf_event_open", SYS_perf_event_open, 0, 0, 0 },
		{ "userfaultfd", SYS_userfaultfd, 0, 0, 0 },
		{ "keyctl", SYS_keyctl, 0, 0, 0 },
		{ "add_key", SYS_add_key, 0, 0, 0 },
		{ "request_key", SYS_request_key, 0, 0, 0 },
		{ "io_uring_setup", SYS_io_uring_setup, 1, 0, 0 },
		{ "io_setup", SYS_io_setup, 1, 0, 0 },
		{ "memfd_secret", 447, 0, 0, 0 },
		{ "name_to_handle_at", SYS_name_to_handle_at, 0, 0, 0 },
		{ "open_by_handle_at", SYS_open_by_handle_at, 0, 0, 0 },
		{ "shmget", SYS_shmget, 0, 4096, 01600 },
		{ "msgget", SYS_msgget, 0, 01600, 0 },
		{ "mq_open", SYS_mq_open, 0, 0, 0 },
		{ "vmsplice", SYS_vmsplice, 0, 0, 0 },
		{ "syslog", SYS_syslog, 10, 0, 0 },
		{ "reboot", SYS_reboot, 0, 0, 0 },
		{ "personality", SYS_personality, 0x0008000, 0, 0 },
		{ "mknod device", SYS_mknod, (unsigned long)(uintptr_t) "device", S_IFCHR | 0600,
			259 },
		{ "socket inet", SYS_socket, AF_INET, SOCK_STREAM, 0 },
		{ "socket netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0 },
		{ "socket alg", SYS_socket, 38, SOCK_SEQPACKET, 0 },
		{ "socket vsock", SYS_socket, 40, SOCK_STREAM, 0 },
		{ "socket packet", SYS_socket, AF_PACKET, SOCK_RAW, 0 },
		{ "setuid 0", SYS_setuid, 0, 0, 0 },
		{ "unknown", 999, 0, 0, 0 },
	};
	int allowed = 0;

	(void)args;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long r = syscall(calls[i].number, calls[i].a, calls[i].b, calls[i].c, 0, 0);

		if (r == 0 && strncmp(calls[i].name, "clone ", 6) == 0)
			_exit(0); /* the child of a clone that worked */
		(void)printf("%s %s\n", calls[i].name, r >= 0 ? "ALLOWED" : strerrorname_np(errno));
		(void)fflush(stdout);
		allowed += r >= 0;
	}
	return allowed;
}

/* getpid() by another architecture's number: x32's, or 32 bit's with an argument. */
int syscalls_foreign(char **args)
{
#ifdef __x86_64__
	long r = 20;

	if (args[0] == NULL)
		return syscall(0x40000000L | SYS_getpid) < 0;
	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0;
#else
	(void)args;
	return 0;
#endif
}
