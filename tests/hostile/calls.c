/* SPDX-License-Identifier: MIT */
/*
 * What the filters of system calls above this process answer to every number, without a call
 * ever being made: a child loads a filter of its own that hands each call to its parent, which
 * answers for the kernel. Whatever refuses a call comes before that (seccomp(2): the strictest
 * of all filters counts), so that the answer is the filters', whatever kernel this is.
 *
 *	calls
 *
 * prints a line for each call: ABI, number, arguments, answer; tabs between them. The answer is
 * "allowed", "killed", the number of the error, or "signal N" where the kernel asked no filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBERS    600 /* more than any ABI has */
#define X32        0x40000000U
#define ALLOWED    4321 /* an error that no kernel answers */
#define UNANSWERED INT32_MIN
#define SIGNALED   (1 << 20) /* and the signal that ended the child */
#define END_STATUS 77
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

enum abi { NATIVE, X32_ABI, I386 };

static const char *const abi_names[] = { "native", "x32", "i386" };

struct call {
	enum abi abi;
	uint32_t number;
	long a, b, c;
	char label[24];
};

static struct call calls[5 * NUMBERS];
static size_t n_calls;
static int32_t *answers; /* shared with the child */

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(2);
}

/* --- the calls ------------------------------------------------------------------------------- */

static void add(enum abi abi, uint32_t number, const char *label, long a, long b, long c)
{
	struct call *call = &calls[n_calls++];

	if (n_calls == COUNT(calls))
		exit(3);
	*call = (struct call){ .abi = abi, .number = number, .a = a, .b = b, .c = c };
	(void)snprintf(call->label, sizeof(call->label), "%s", label);
}

static void add_numbered(uint32_t number, const char *what, long value, long a, long b, long c)
{
	char label[24];

	(void)snprintf(label, sizeof(label), "%s=%#lx", what, value);
	add(NATIVE, number, label, a, b, c);
}

/* Those that a filter may judge by what they are called with. */
static void add_by_arguments(void)
{
	static const long modes[] = { S_IFREG, S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK };
	static const long persons[] = { 0x8, 0x20000, 0x40000, 0x400000 };

	for (long family = 0; family < 46; family++) {
		add_numbered(SYS_socket, "family", family, family, SOCK_STREAM, 0);
		add_numbered(SYS_socketpair, "family", family, family, SOCK_STREAM, 0);
	}
	for (long protocol = 0; protocol < 23; protocol++)
		add_numbered(SYS_socket, "netlink", protocol, AF_NETLINK, SOCK_RAW, protocol);
	for (int bit = 0; bit < 32; bit++)
		add_numbered(SYS_clone, "flag", 1L << bit, 1L << bit, 0, 0);
	add_numbered(SYS_personality, "persona", 0xffffffff, 0xffffffff, 0, 0);
	for (size_t i = 0; i < COUNT(persons); i++)
		add_numbered(SYS_personality, "persona", persons[i], persons[i], 0, 0);
	for (size_t i = 0; i < COUNT(modes); i++) {
		add_numbered(SYS_mknod, "type", modes[i], 0, modes[i] | 0600, 0);
		add_numbered(SYS_mknodat, "type", modes[i], AT_FDCWD, 0, modes[i] | 0600);
	}
}

static void add_all(void)
{
	for (uint32_t n = 0; n < NUMBERS; n++) {
		add(NATIVE, n, "0", 0, 0, 0);
		add(NATIVE, n, "-1", -1, -1, -1);
	}
	add(NATIVE, 0x3fffffff, "0", 0, 0, 0);
	add_by_arguments();
	for (uint32_t n = 0; n < NUMBERS; n++)
		add(X32_ABI, n | X32, "0", 0, 0, 0);
	add(X32_ABI, 0xffffffff, "0", 0, 0, 0);
	for (uint32_t n = 0; n < NUMBERS; n++)
		add(I386, n, "0", 0, 0, 0);
}

/* --- the child ------------------------------------------------------------------------------- */

static long make(const struct call *call)
{
	long result;

	if (call->abi == I386) {
		__asm__ volatile("int $0x80"
				 : "=a"(result)
				 : "a"((unsigned long)call->number), "b"(call->a), "c"(call->b),
				 "d"(call->c), "S"(0L), "D"(0L)
				 : "memory", "r8", "r9", "r10", "r11");
		return (int32_t)result;
	}
	/* Not by syscall(3): what that makes of an error is for a kernel's errors. */
	__asm__ volatile(
		"xor %%r10, %%r10; xor %%r8, %%r8; xor %%r9, %%r9; syscall"
		: "=a"(result)
		: "a"((unsigned long)call->number), "D"(call->a), "S"(call->b), "d"(call->c)
		: "memory", "rcx", "r8", "r9", "r10", "r11");
	return result;
}

/* Hands all to the listener but the child's own two: the listener's sending, and its end. */
static int load_filter(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MSG_NOSIGNAL, 4, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, END_STATUS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(
		SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void send_fd(int sock, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	control.header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))
	};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	(void)sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static _Noreturn void child_main(int sock, size_t from)
{
	int listener = load_filter();

	if (listener < 0)
		give_up("seccomp");
	send_fd(sock, listener);
	for (size_t i = from; i < n_calls; i++)
		answers[i] = (int32_t)make(&calls[i]);
	_exit(END_STATUS);
}

/* --- the parent ------------------------------------------------------------------------------ */

static int receive_fd(int sock)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || msg.msg_controllen < CMSG_LEN(sizeof(int)))
		give_up("the child's listener");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* Until the child has ended: the last user of the filter, which is a hang-up. */
static void answer_all(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) > 0 && (p.revents & POLLIN) != 0) {
		struct seccomp_notif notice = { 0 };
		struct seccomp_notif_resp answer = { .error = -ALLOWED };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
			continue;
		answer.id = notice.id;
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

/* One child makes calls from there on; the signal that one of them ended it with, or 0. */
static int run_from(size_t from)
{
	int pair[2], listener, status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		give_up("socketpair");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid == 0)
		child_main(pair[1], from);
	(void)close(pair[1]);
	listener = receive_fd(pair[0]);
	answer_all(listener);
	(void)close(listener);
	(void)close(pair[0]);
	if (waitpid(pid, &status, 0) != pid)
		give_up("waitpid");
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != END_STATUS) {
		(void)fprintf(stderr, "the child ended with status %#x\n", (unsigned int)status);
		exit(2);
	}
	return 0;
}

static void print(const struct call *call, int32_t answer)
{
	(void)printf("%s\t%u\t%s\t", abi_names[call->abi],
		call->abi == X32_ABI ? call->number & ~X32 : call->number, call->label);
	if (answer == -ALLOWED)
		(void)puts("allowed");
	else if (answer == SIGNALED + SIGSYS)
		(void)puts("killed");
	else if (answer > SIGNALED)
		(void)printf("signal %d\n", answer - SIGNALED);
	else
		(void)printf("%d\n", -answer);
}

int main(void)
{
	size_t from = 0;
	int sig;

	add_all();
	answers = mmap(NULL, sizeof(*answers) * n_calls, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED)
		give_up("mmap");
	for (size_t i = 0; i < n_calls; i++)
		answers[i] = UNANSWERED;
	while (from < n_calls && (sig = run_from(from)) != 0) {
		while (from < n_calls - 1 && answers[from] != UNANSWERED)
			from++;
		answers[from++] = SIGNALED + sig;
	}
	for (size_t i = 0; i < n_calls; i++)
		print(&calls[i], answers[i]);
	return fflush(stdout) == 0 ? 0 : 2;
}
