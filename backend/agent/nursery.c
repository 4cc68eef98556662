/* SPDX-License-Identifier: MIT */
#include "nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "common/cleanup.h"
#include "fdpass.h"
#include "init.h"
#include "policy.h"
#include "rights.h"

#define CHILDREN_MAX 8
#define SANDBOX_NEW \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct nursery {
	const struct prepare_order *job;
	int sock, signal_fd;
	int mapped[2]; /* a pipe: one byte for each init whose users are mapped */
	struct base base;
	struct {
		pid_t pid; /* 0: free */
		unsigned int id;
	} children[CHILDREN_MAX];
};

static pid_t fork_into(unsigned long flags)
{
#ifdef __s390__
	return (pid_t)syscall(SYS_clone, NULL, flags | SIGCHLD, NULL, NULL, NULL);
#else
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
#endif
}

static int put_map(int proc, pid_t pid, const char *file, const char *text)
{
	cleanup_close int fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/%s", pid, file);
	fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* Two users, the same inside and outside, and never 0: the job and who watches it. */
static int map_users(int proc, const struct prepare_order *job, pid_t pid, struct err *err)
{
	uid_t own = rights_init_uid(job);
	char text[80];
	int r;

	(void)snprintf(
		text, sizeof(text), "%u %u 1\n%u %u 1\n", job->job_uid, job->job_uid, own, own);
	r = put_map(proc, pid, "uid_map", text);
	if (r == 0)
		r = put_map(proc, pid, "gid_map", text);
	return r < 0 ? err_set(err, -r, "map users into a new namespace") : 0;
}

static void say(const struct nursery *nursery, const struct nursery_reply *reply)
{
	if (fdpass_send(nursery->sock, reply, sizeof(*reply), NULL, 0) < 0)
		_exit(1);
}

static _Noreturn void fail(const struct nursery *nursery, const struct err *err)
{
	struct nursery_reply reply = { .event = NURSERY_FAILED, .err = *err };

	say(nursery, &reply);
	_exit(1);
}

/* --- sandboxes ------------------------------------------------------------- */

static int child_at(const struct nursery *nursery, pid_t pid)
{
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (nursery->children[i].pid == pid)
			return i;
	return -1;
}

static _Noreturn void child_main(const struct nursery *nursery,
	const struct nursery_request *request, const int fds[static 1 + SPARE_ENDS])
{
	struct init_order order = { .job = nursery->job,
		.base = &nursery->base,
		.control = fds[0],
		.mapped = nursery->mapped[0],
		.number = request->number };

	memcpy(order.ends, fds + 1, sizeof(order.ends));
	(void)close(nursery->sock);
	(void)close(nursery->signal_fd);
	init_main(&order);
}

static int make(struct nursery *nursery, const struct nursery_request *request,
	const int fds[static 1 + SPARE_ENDS], struct err *err)
{
	int i = child_at(nursery, 0), r;
	pid_t pid;

	if (i < 0)
		return err_say(err, EBUSY, "too many sandboxes that will not end");
	pid = fork_into(SANDBOX_NEW);
	if (pid < 0)
		return err_set(err, errno, "new namespaces");
	if (pid == 0)
		child_main(nursery, request, fds);
	nursery->children[i].pid = pid;
	nursery->children[i].id = request->id;
	r = map_users(nursery->base.proc_fd, nursery->job, pid, err);
	if (r == 0 && write(nursery->mapped[1], "", 1) != 1)
		r = err_set(err, errno, "write to an init");
	return r;
}

static void serve(struct nursery *nursery)
{
	struct nursery_request request;
	int fds[1 + SPARE_ENDS];
	struct err err;
	size_t n = 0;
	ssize_t got =
		fdpass_recv(nursery->sock, &request, sizeof(request), fds, 1 + SPARE_ENDS, &n);

	if (got != (ssize_t)sizeof(request) || n != 1 + SPARE_ENDS)
		_exit(0);
	if (make(nursery, &request, fds, &err) < 0)
		fail(nursery, &err);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void reap(struct nursery *nursery)
{
	struct signalfd_siginfo info[4];
	pid_t pid;

	while (read(nursery->signal_fd, info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		struct nursery_reply reply = { .event = NURSERY_GONE };
		int i = child_at(nursery, pid);

		if (i < 0)
			continue;
		reply.id = nursery->children[i].id;
		nursery->children[i].pid = 0;
		say(nursery, &reply);
	}
}

/* --- its start ------------------------------------------------------------- */

/* Everything in a sandbox inherits it: the first to die when the slot's own memory is short. */
static void be_first_to_die(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t n = write(fd, "1000", 4);

		(void)n; /* best effort: the job's own cgroup is the limit */
		(void)close(fd);
	}
}

static int settle(struct nursery *nursery, struct err *err)
{
	uid_t uid = rights_init_uid(nursery->job);
	sigset_t all;
	char byte;
	int r;

	if (read(nursery->sock, &byte, 1) != 1)
		_exit(0);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "become the nursery's user");
	/* Its children's maps are files of theirs, to be written by the same user. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	be_first_to_die();
	r = base_build(&nursery->base, err);
	if (r < 0)
		return r;
	r = spare_limits(&nursery->job->limits);
	if (r < 0)
		return err_set(err, -r, "set limits");
	if (rights_keep_nursery() < 0)
		return err_set(err, errno, "give up capabilities");
	r = policy_load(POLICY_NURSERY);
	if (r < 0)
		return err_set(err, -r, "load the nursery's filter");
	(void)sigfillset(&all);
	nursery->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (nursery->signal_fd < 0 || pipe2(nursery->mapped, O_CLOEXEC) < 0)
		return err_set(err, errno, "descriptors");
	return 0;
}

/* Nothing of the agent's but where to complain, and one descriptor. */
static void only_fd(int fd)
{
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	if (fd > STDERR_FILENO + 1)
		(void)syscall(SYS_close_range, STDERR_FILENO + 1, fd - 1, 0);
	(void)syscall(SYS_close_range, fd + 1, ~0U, 0);
}

static _Noreturn void nursery_main(int sock, const struct prepare_order *job)
{
	static struct nursery nursery;
	struct nursery_reply up = { .event = NURSERY_UP };
	struct pollfd fds[2];
	struct err err;

	nursery.job = job;
	nursery.sock = sock;
	only_fd(sock);
	if (settle(&nursery, &err) < 0)
		fail(&nursery, &err);
	say(&nursery, &up);
	fds[0] = (struct pollfd){ .fd = sock, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = nursery.signal_fd, .events = POLLIN };
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue; /* what it said the last time still stands there */
		if (fds[1].revents != 0)
			reap(&nursery);
		if (fds[0].revents != 0)
			serve(&nursery);
	}
}

/* The agent's half: only it may map other users than its own. */
static int release(int sock, const struct prepare_order *job, pid_t pid, struct err *err)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = proc < 0 ? err_set(err, errno, "/proc") : map_users(proc, job, pid, err);

	if (r == 0 && send(sock, "", 1, MSG_NOSIGNAL) != 1)
		r = err_set(err, errno, "start the nursery");
	return r;
}

int nursery_fork(const struct prepare_order *job, int *ret_sock, pid_t *ret_pid, struct err *err)
{
	cleanup_close int near = -1, far = -1;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	near = pair[0];
	far = pair[1];
	/* Or the files of the child with the maps would be root's. There is no job yet. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	pid = fork_into(CLONE_NEWUSER | CLONE_NEWNS);
	r = pid < 0 ? err_set(err, errno, "new user and mount namespaces") : 0;
	if (pid == 0) {
		(void)close(near);
		nursery_main(far, job);
	}
	if (r == 0)
		r = release(near, job, pid, err);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (r < 0)
		return r;
	*ret_sock = TAKE_FD(near);
	*ret_pid = pid;
	return 0;
}

int nursery_ask(int sock, const struct nursery_request *request, int control,
	const int ends[static SPARE_ENDS], struct err *err)
{
	int fds[1 + SPARE_ENDS] = { control };

	memcpy(fds + 1, ends, SPARE_ENDS * sizeof(int));
	return fdpass_send(sock, request, sizeof(*request), fds, 1 + SPARE_ENDS) < 0
		       ? err_set(err, errno, "ask the nursery")
		       : 0;
}

int nursery_answer(int sock, struct nursery_reply *ret, struct err *err)
{
	pid_t ignored;
	size_t none;
	ssize_t got = fdpass_recv_from(sock, ret, sizeof(*ret), NULL, 0, &none, &ignored);

	if (got == -EAGAIN)
		return 0;
	if (got != (ssize_t)sizeof(*ret))
		return err_say(err, EIO, "the nursery is gone");
	return 1;
}
