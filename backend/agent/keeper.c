/* SPDX-License-Identifier: MIT */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fdpass.h"
#include "rights.h"

#define KEPT_MAX  16
#define NAME_MAX_ 24

struct kept {
	bool used, leaving; /* leaving: to be removed, something was still dying in it */
	unsigned int number;
	struct cgroup cgroup;
};

struct keeper {
	int sock;
	struct cgroup parent;
	struct kept kept[KEPT_MAX];
};

static void name_of(const char *what, unsigned int number, char ret[static NAME_MAX_])
{
	(void)snprintf(ret, NAME_MAX_, "%s%u", what, number);
}

static struct kept *kept_find(struct keeper *keeper, unsigned int number)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (keeper->kept[i].used && keeper->kept[i].number == number)
			return &keeper->kept[i];
	return NULL;
}

static void kept_remove(struct keeper *keeper, struct kept *kept)
{
	char name[NAME_MAX_];

	name_of("job", kept->number, name);
	kept->leaving = true;
	if (cgroup_remove(&keeper->parent, name, &kept->cgroup) == 0)
		kept->used = kept->leaving = false;
}

/* What could not go before is tried again whenever there is something to do. */
static void remove_leaving(struct keeper *keeper)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (keeper->kept[i].used && keeper->kept[i].leaving)
			kept_remove(keeper, &keeper->kept[i]);
}

static struct kept *kept_free(struct keeper *keeper)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (!keeper->kept[i].used)
			return &keeper->kept[i];
	return NULL;
}

static int place(struct keeper *keeper, const struct keeper_request *request, struct kept **ret,
	struct err *err)
{
	struct kept *kept = kept_free(keeper);
	char name[NAME_MAX_], where[NAME_MAX_];
	int r;

	if (kept == NULL)
		return err_say(err, EBUSY, "too many cgroups that will not go");
	name_of("job", request->number, name);
	name_of("place", (unsigned int)(kept - keeper->kept), where);
	r = cgroup_make(&keeper->parent, name, where, &request->limits, &kept->cgroup, err);
	if (r < 0)
		return r;
	kept->used = true;
	kept->number = request->number;
	r = cgroup_attach(&kept->cgroup, request->pid, err);
	if (r < 0)
		kept_remove(keeper, kept);
	else
		*ret = kept;
	return r;
}

/* Figures go out as descriptors: from then on reading them needs nobody. */
static void reply_with_meter(
	struct keeper *keeper, struct keeper_reply *reply, const struct kept *kept)
{
	struct meter meter = meter_open(kept->cgroup.kind, kept->cgroup.dirs, true);
	int fds[FIGURE_MAX_];
	size_t n = 0;

	reply->kind = kept->cgroup.kind;
	for (int i = 0; i < FIGURE_MAX_; i++) {
		if (meter.fd[i] < 0)
			continue;
		reply->have |= 1U << i;
		fds[n++] = meter.fd[i];
	}
	(void)fdpass_send(keeper->sock, reply, sizeof(*reply), fds, n);
	meter_close(&meter);
}

static void serve(struct keeper *keeper, const struct keeper_request *request)
{
	struct keeper_reply reply = { .op = request->op, .number = request->number };
	struct kept *kept = kept_find(keeper, request->number);

	remove_leaving(keeper);
	switch (request->op) {
	case KEEPER_PLACE:
		if (place(keeper, request, &kept, &reply.err) == 0) {
			reply_with_meter(keeper, &reply, kept);
			return;
		}
		break;
	case KEEPER_LIMIT:
		if (kept == NULL)
			(void)err_say(&reply.err, ENOENT, "no such cgroup");
		else
			(void)cgroup_limit(&kept->cgroup, &request->limits, &reply.err);
		break;
	case KEEPER_REMOVE:
		if (kept != NULL)
			kept_remove(keeper, kept);
		return;
	}
	(void)fdpass_send(keeper->sock, &reply, sizeof(reply), NULL, 0);
}

/* An empty root of one's own: what was opened before is all there is. */
static int hide(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") < 0 ||
		chdir("/tmp") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static _Noreturn void keeper_main(int sock, struct cgroup *cgroup, bool hidden)
{
	static struct keeper keeper;
	struct keeper_request request;

	keeper.sock = sock;
	keeper.parent = *cgroup;
	for (size_t i = 0; i < KEPT_MAX; i++)
		keeper.kept[i].cgroup = CGROUP_NONE;
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	if ((hidden && hide() < 0) || rights_drop_caps() < 0)
		_exit(1);
	for (;;) {
		ssize_t n = recv(sock, &request, sizeof(request), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(request))
			_exit(0);
		serve(&keeper, &request);
	}
}

int keeper_fork(struct cgroup *cgroup, bool hidden, int *ret_sock, pid_t *ret_pid, struct err *err)
{
	cleanup_close int near = -1, far = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	near = pair[0];
	far = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork the keeper");
	if (pid == 0) {
		(void)close(near);
		keeper_main(far, cgroup, hidden);
	}
	cgroup_close(cgroup);
	*ret_sock = TAKE_FD(near);
	*ret_pid = pid;
	return 0;
}

int keeper_ask(int sock, const struct keeper_request *request, struct err *err)
{
	return fdpass_send(sock, request, sizeof(*request), NULL, 0) < 0
		       ? err_set(err, errno, "ask the keeper")
		       : 0;
}

int keeper_answer(int sock, struct keeper_reply *ret, struct meter *ret_meter, struct err *err)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int fds[FIGURE_MAX_];
	size_t n, next = 0;
	ssize_t got;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	got = fdpass_recv(sock, ret, sizeof(*ret), fds, FIGURE_MAX_, &n);
	if (got != (ssize_t)sizeof(*ret))
		return err_say(err, EIO, "the keeper is gone");
	*ret_meter = METER_NONE;
	ret_meter->kind = ret->kind;
	for (int i = 0; i < FIGURE_MAX_; i++)
		if ((ret->have & 1U << i) != 0 && next < n)
			ret_meter->fd[i] = fds[next++];
	return 1;
}
