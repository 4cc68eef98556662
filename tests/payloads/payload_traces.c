/* SPDX-License-Identifier: MIT */
/*
 * What a job could leave behind for the next one: `mark` leaves all of it that
 * it is let and says what, `traces` looks for it and says what it finds.
 */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY  0x646f636b
#define NAME "dockgate-trace"

static const char *const places[] = { "/workspace", "/tmp", "/dev/shm" };

static int abstract(bool connecting)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	const socklen_t n = offsetof(struct sockaddr_un, sun_path) + sizeof(NAME);

	memcpy(addr.sun_path + 1, NAME, sizeof(NAME) - 1);
	if (connecting)
		r = connect(fd, (struct sockaddr *)&addr, n);
	else
		r = bind(fd, (struct sockaddr *)&addr, n) < 0 || listen(fd, 1) < 0 ? -1 : fd;
	return r; /* the descriptor stays open */
}

static int file_in(const char *place, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/" NAME, place);
	return open(path, flags | O_CLOEXEC, 0666);
}

/* The message queue's file system, where there is one, is a way past the system calls. */
static int queue_file(int flags)
{
	return open("/dev/mqueue/" NAME, flags | O_CLOEXEC, 0666);
}

static const struct {
	const char *name;
	long call;
} ipc[] = { { "shm", SYS_shmget }, { "sem", SYS_semget }, { "msg", SYS_msgget } };

static long ipc_get(size_t i, int flags)
{
	/* msgget's flags are its second argument, the others' their third. */
	if (ipc[i].call == SYS_msgget)
		return syscall(SYS_msgget, KEY, flags | 0666);
	return syscall(ipc[i].call, KEY, ipc[i].call == SYS_shmget ? 4096 : 1, flags | 0666);
}

static long keyring(bool making)
{
	if (making)
		return syscall(SYS_add_key, "user", NAME, "x", 1, -3 /* session */);
	return syscall(SYS_request_key, "user", NAME, NULL, 0);
}

static void say(const char *what, long r)
{
	if (r >= 0)
		(void)printf("%s\n", what);
}

int mark(char **args)
{
	struct rlimit few = { 32, 32 };

	(void)args;
	for (size_t i = 0; i < 3; i++)
		say(places[i], file_in(places[i], O_RDWR | O_CREAT));
	for (size_t i = 0; i < 3; i++)
		say(ipc[i].name, ipc_get(i, IPC_CREAT));
	say("mqueue", queue_file(O_RDWR | O_CREAT));
	say("key", keyring(true));
	say("abstract", abstract(false));
	say("hostname", sethostname(NAME, sizeof(NAME) - 1));
	say("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	say("rlimit", setrlimit(RLIMIT_NOFILE, &few));
	say("nice", nice(10) == 10 ? 0 : -1);
	(void)fflush(stdout);
	if (fork() == 0) {
		(void)setsid();
		(void)close(0);
		(void)close(1);
		(void)close(2);
		for (;;)
			(void)pause();
	}
	return 0;
}

/*
 * A listener that is only in messages that only it and its like could receive:
 * no process's end closes it, the kernel has to find it.
 */
int keep(char **args)
{
	int pair[2], all[3] = { abstract(false) };
	struct iovec iov = { .iov_base = pair, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(all))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	(void)args;
	if (all[0] < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return 1;
	memcpy(all + 1, pair, sizeof(pair));
	control.align = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(all))
	};
	memcpy(CMSG_DATA(&control.align), all, sizeof(all));
	return sendmsg(pair[0], &msg, 0) < 0 || sendmsg(pair[1], &msg, 0) < 0;
}

static void other_processes(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char path[300];
		struct stat st;
		long pid = strtol(entry->d_name, NULL, 10);

		(void)snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
		if (pid > 1 && pid != getpid() && stat(path, &st) == 0 && st.st_uid == getuid())
			(void)printf("process %ld\n", pid);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

int traces(char **args)
{
	struct rlimit limit;
	char host[65] = "";

	(void)args;
	for (size_t i = 0; i < 3; i++)
		say(places[i], file_in(places[i], O_RDONLY));
	for (size_t i = 0; i < 3; i++)
		say(ipc[i].name, ipc_get(i, 0));
	say("mqueue", queue_file(O_RDONLY));
	say("key", keyring(false));
	say("abstract", abstract(true));
	(void)gethostname(host, sizeof(host));
	if (strstr(host, NAME) != NULL)
		(void)printf("hostname\n");
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == 32)
		(void)printf("rlimit\n");
	if (getpriority(PRIO_PROCESS, 0) != 0)
		(void)printf("nice\n");
	other_processes();
	return 0;
}

/* Files of the kernel's about the whole machine: what of them can be written, or read though
 * hidden. */
int procfs(char **args)
{
	static const char *const written[] = { "/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
		"/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/mqueue/msg_max", "/proc/mtrr",
		"/proc/irq/default_smp_affinity", "/proc/acpi/wakeup", "/proc/bus/pci/devices" };
	static const char *const read_[] = { "/proc/kcore", "/proc/kmsg", "/proc/kallsyms",
		"/proc/keys", "/proc/key-users", "/proc/config.gz", "/proc/interrupts",
		"/proc/modules", "/proc/timer_list", "/proc/sched_debug", "/proc/vmallocinfo",
		"/proc/pressure/cpu", "/sys/firmware/memmap", "/sys/kernel/notes" };
	char byte;

	(void)args;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		say(written[i], open(written[i], O_WRONLY | O_CLOEXEC));
	for (size_t i = 0; i < sizeof(read_) / sizeof(read_[0]); i++) {
		int fd = open(read_[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, &byte, 1) > 0)
			(void)printf("%s\n", read_[i]);
	}
	return 0;
}
