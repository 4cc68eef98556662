/* SPDX-License-Identifier: MIT */
#include "init.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "disk.h"
#include "fdpass.h"
#include "rights.h"

#define SPAWNED_MAX 16

struct init {
	const struct prepare_order *job;
	int control, signal_fd;
	struct {
		pid_t pid; /* 0: free */
		unsigned int number;
	} spawned[SPAWNED_MAX];
	bool ended; /* a step has: the agent may wait for those it left behind */
};

static void say(const struct init *init, const struct init_reply *reply, const int *fds, size_t n)
{
	if (fdpass_send(init->control, reply, sizeof(*reply), fds, n) < 0)
		_exit(1); /* the agent is gone, or has enough of us */
}

static _Noreturn void fail(const struct init *init, const struct err *err)
{
	struct init_reply reply = { .event = INIT_FAILED, .err = *err };

	say(init, &reply, NULL, 0);
	_exit(1);
}

/* --- what the job has of its own ------------------------------------------- */

static int mount_place(const struct prepare_order *job, int place, struct err *err)
{
	const char *path = place_paths[place];
	int64_t bytes = job->limits.v[LIMIT_DISK];
	unsigned long flags = MS_NOSUID | MS_NODEV;
	char options[160], owner[64] = "mode=1777";

	if (place == PLACE_SHM) {
		bytes = limits_shm_bytes(&job->limits);
		flags |= MS_NOEXEC;
	} else if (place == PLACE_WORKSPACE) {
		(void)snprintf(owner, sizeof(owner), "mode=0700,uid=%u,gid=%u", job->job_uid,
			job->job_uid);
	}
	(void)snprintf(options, sizeof(options), "size=%" PRId64 ",nr_inodes=%" PRId64 ",%s", bytes,
		limits_inodes(bytes), owner);
	if (mount("tmpfs", path, "tmpfs", flags, options) < 0)
		return err_set(err, errno, "mount a tmpfs on %s", path);
	return 0;
}

static int mount_own(const struct init_order *order, struct err *err)
{
	/* Read-only: nothing of the kernel's is set from there, whoever may write it. */
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
	int r = 0;

	if (mount("proc", "/proc", "proc", flags, NULL) < 0)
		return err_set(err, errno, "mount proc");
	r = base_mask_proc(order->base, err);
	for (int i = 0; r == 0 && i < DISK_PLACES; i++)
		r = mount_place(order->job, i, err);
	return r;
}

static int be_init_user(const struct init_order *order, struct err *err)
{
	uid_t uid = rights_init_uid(order->job);
	char byte;

	if (read(order->mapped, &byte, 1) != 1)
		return err_say(err, EIO, "users were not mapped");
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "become the init's user");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Keys that a container's processes share would be seen by the next job. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return err_set(err, errno, "a session keyring");
	return 0;
}

static void set_up(struct init *init, const struct init_order *order)
{
	struct init_reply reply = { .event = INIT_SET_UP };
	struct places places;
	struct err err;
	int r = be_init_user(order, &err);

	if (r == 0)
		r = mount_own(order, &err);
	if (r == 0)
		r = places_open(&places, &err);
	if (r == 0 && rights_keep_init() < 0)
		r = err_set(&err, errno, "give up capabilities");
	if (r < 0)
		fail(init, &err);
	say(init, &reply, places.fd, DISK_PLACES);
	places_close(&places);
}

/* Smaller, or larger again; never below what is in it: then nothing is left. */
static void limit_place(int place, int64_t bytes, struct err *err)
{
	struct statfs fs;
	char options[64];
	int64_t used;

	if (statfs(place_paths[place], &fs) < 0) {
		(void)err_set(err, errno, "%s", place_paths[place]);
		return;
	}
	used = (int64_t)(fs.f_blocks - fs.f_bfree) * fs.f_bsize;
	(void)snprintf(options, sizeof(options), "size=%" PRId64, bytes < used ? used : bytes);
	if (mount(NULL, place_paths[place], NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) < 0)
		(void)err_set(err, errno, "lower the disk limit");
}

/* --- processes ------------------------------------------------------------- */

static _Noreturn void spare_in_sandbox(
	const struct init *init, unsigned int number, const int ends[static SPARE_ENDS])
{
	struct init_reply reply = { .event = INIT_SPAWNED, .number = number };

	say(init, &reply, NULL, 0);
	spare_main(init->job, ends);
}

static void spawn(struct init *init, unsigned int number, int ends[static SPARE_ENDS])
{
	struct err err;
	size_t i = 0;

	while (i < SPAWNED_MAX && init->spawned[i].pid != 0)
		i++;
	if (i == SPAWNED_MAX) {
		(void)err_say(&err, EBUSY, "too many spares");
		fail(init, &err);
	}
	init->spawned[i].number = number;
	init->spawned[i].pid = fork();
	if (init->spawned[i].pid == 0)
		spare_in_sandbox(init, number, ends);
	if (init->spawned[i].pid < 0) {
		(void)err_set(&err, errno, "fork a spare");
		fail(init, &err);
	}
	spare_ends_close(ends);
}

/* The number of a spare's slot that pid has, freed; false: it is no spare. */
static bool take_spawned(struct init *init, pid_t pid, unsigned int *ret)
{
	for (size_t i = 0; i < SPAWNED_MAX; i++) {
		if (init->spawned[i].pid != pid)
			continue;
		init->spawned[i].pid = 0;
		*ret = init->spawned[i].number;
		return true;
	}
	return false;
}

static void reap(struct init *init)
{
	struct init_reply others = { .event = INIT_REAPED };
	bool any = false;
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		struct init_reply reply = { .event = INIT_ENDED, .status = status };

		reply.rss_bytes = (int64_t)usage.ru_maxrss * 1024;
		reply.file_limit = WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
		others.file_limit = others.file_limit || reply.file_limit;
		any = true;
		if (!take_spawned(init, pid, &reply.number))
			continue;
		reply.file_limit = others.file_limit;
		init->ended = true;
		say(init, &reply, NULL, 0);
		any = false;
	}
	/* While the step runs nobody has to know; afterwards somebody waits for the last one. */
	if (any && (init->ended || others.file_limit))
		say(init, &others, NULL, 0);
}

static void signals_read(struct init *init)
{
	struct signalfd_siginfo info[4];

	while (read(init->signal_fd, info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	reap(init);
}

static void serve(struct init *init)
{
	struct init_reply limited = { .event = INIT_LIMITED };
	struct init_request request;
	int ends[SPARE_ENDS];
	size_t n;
	ssize_t got = fdpass_recv(init->control, &request, sizeof(request), ends, SPARE_ENDS, &n);

	if (got != (ssize_t)sizeof(request))
		_exit(0);
	if (request.op == INIT_SPAWN && n == SPARE_ENDS) {
		spawn(init, request.number, ends);
		return;
	}
	for (int i = 0; request.op == INIT_LIMIT && i < PLACE_SHM; i++)
		limit_place(i, request.bytes, &limited.err);
	say(init, &limited, NULL, 0);
}

static _Noreturn void loop(struct init *init)
{
	struct pollfd fds[] = { { .fd = init->control, .events = POLLIN },
		{ .fd = init->signal_fd, .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue; /* what it said the last time still stands there */
		if (fds[1].revents != 0)
			signals_read(init);
		if (fds[0].revents != 0)
			serve(init);
	}
}

_Noreturn void init_main(const struct init_order *order)
{
	struct init init = { .job = order->job, .control = order->control };
	int ends[SPARE_ENDS];
	sigset_t all;

	(void)sigfillset(&all);
	set_up(&init, order);
	memcpy(ends, order->ends, sizeof(ends));
	spawn(&init, order->number, ends);
	init.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	loop(&init);
}
