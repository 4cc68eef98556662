/* SPDX-License-Identifier: MIT */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fdpass.h"

#define CPU_PERIOD_US 100000
#define OPTIONS_MAX   128
/* Any directory does: only the child, in its own mount namespace, sees it covered. */
#define MOUNT_POINT "/proc"

/* Names of controllers in /proc/self/cgroup and as mount options (v1). */
static const char *const controllers[CONTROLLER_MAX_] = {
	[CONTROLLER_MEMORY] = "memory",
	[CONTROLLER_PIDS] = "pids",
	[CONTROLLER_CPUACCT] = "cpuacct",
	[CONTROLLER_CPU] = "cpu",
};

struct hierarchies {
	bool v2;
	char options[CONTROLLER_MAX_][OPTIONS_MAX]; /* v1: "cpu,cpuacct" for both of them */
};

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',' ? 1 : 0;
		if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return false;
}

/* Lines are "4:cpu,cpuacct:/path", on v2 "0::/path". v2 it is where no v1 line names memory. */
static int hierarchies_read(struct hierarchies *ret, struct err *err)
{
	cleanup_fclose FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4352];

	if (file == NULL)
		return err_set(err, errno, "/proc/self/cgroup");
	*ret = (struct hierarchies){ 0 };
	while (fgets(line, sizeof(line), file) != NULL) {
		char *list = strchr(line, ':'), *end = list == NULL ? NULL : strchr(list + 1, ':');

		if (end == NULL)
			continue;
		*end = '\0';
		for (int i = 0; i < CONTROLLER_MAX_; i++)
			if (has_word(list + 1, controllers[i]))
				(void)snprintf(ret->options[i], OPTIONS_MAX, "%s", list + 1);
	}
	ret->v2 = ret->options[CONTROLLER_MEMORY][0] == '\0';
	for (int i = 0; !ret->v2 && i < CONTROLLER_MAX_; i++)
		if (ret->options[i][0] == '\0')
			return err_say(err, ENOENT, "no cgroup controller %s", controllers[i]);
	return 0;
}

/* In the child: one hierarchy, mounted and opened. */
static int mount_one(const struct hierarchies *h, int i)
{
	const char *type = h->v2 ? "cgroup2" : "cgroup";
	int fd;

	if (mount("cgroup", MOUNT_POINT, type, MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    h->v2 ? NULL : h->options[i]) < 0)
		return -errno;
	fd = open(MOUNT_POINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct mounted {
	int step; /* that failed: 1 namespaces, 2 mount */
	int code;
};

static _Noreturn void mounter(int sock, const struct hierarchies *h)
{
	struct mounted result = { .step = 1 };
	int fds[CONTROLLER_MAX_];
	int n = h->v2 ? 1 : CONTROLLER_MAX_;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) {
		result.code = errno;
		n = 0;
	}
	for (int i = 0; i < n; i++) {
		fds[i] = mount_one(h, i);
		if (fds[i] < 0) {
			result = (struct mounted){ .step = 2, .code = -fds[i] };
			n = i;
		}
	}
	_exit(fdpass_send(sock, &result, sizeof(result), fds, (size_t)n) < 0 ? 1 : 0);
}

static int mounted_receive(
	int sock, const struct hierarchies *h, struct cgroup *cgroup, struct err *err)
{
	struct mounted result = { 0 };
	int fds[CONTROLLER_MAX_];
	size_t n = 0;
	ssize_t got = fdpass_recv(sock, &result, sizeof(result), fds, CONTROLLER_MAX_, &n);

	for (size_t i = 0; i < n; i++)
		cgroup->dirs[i] = fds[i];
	if (got != (ssize_t)sizeof(result))
		return err_say(err, EIO, "the process that mounts cgroups died");
	if (result.step == 1 && result.code != 0)
		return err_set(err, result.code, "new user, mount and cgroup namespaces");
	if (result.code != 0)
		return err_set(err, result.code, "mount the %s hierarchy", h->v2 ? "v2" : "v1");
	for (int i = (int)n; i < CONTROLLER_MAX_; i++) {
		cgroup->dirs[i] = fcntl(cgroup->dirs[0], F_DUPFD_CLOEXEC, 0);
		if (cgroup->dirs[i] < 0)
			return err_set(err, errno, "dup");
	}
	return 0;
}

static int mount_all(const struct hierarchies *h, struct cgroup *cgroup, struct err *err)
{
	cleanup_close int near = -1, far = -1;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	near = pair[0];
	far = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		mounter(far, h);
	(void)close(TAKE_FD(far));
	r = mounted_receive(near, h, cgroup, err);
	(void)waitpid(pid, NULL, 0);
	return r;
}

static int __attribute__((__format__(__printf__, 4, 5)))
put(int dir, const char *file, struct err *err, const char *fmt, ...)
{
	cleanup_close int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[64];
	va_list ap;
	int n;

	if (fd < 0)
		return err_set(err, errno, "open %s", file);
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (write(fd, text, (size_t)n) != n)
		return err_set(err, errno, "write '%s' to %s", text, file);
	return 0;
}

/*
 * On v2 only an empty cgroup can give controllers to its children: this
 * process goes into a leaf, and those it forks with it.
 */
static int make_room_v2(const struct cgroup *cgroup, struct err *err)
{
	cleanup_close int leaf = -1;
	int dir = cgroup->dirs[0], r;

	if (mkdirat(dir, "agent", 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "make a cgroup");
	leaf = openat(dir, "agent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (leaf < 0)
		return err_set(err, errno, "open a cgroup");
	r = put(leaf, "cgroup.procs", err, "0");
	return r < 0 ? r : put(dir, "cgroup.subtree_control", err, "+memory +pids +cpu");
}

/* Mounted with neither of those whose cgroups have to be new for each job. */
static bool is_apart(const struct hierarchies *h, int i)
{
	return strcmp(h->options[i], h->options[CONTROLLER_MEMORY]) != 0 &&
	       strcmp(h->options[i], h->options[CONTROLLER_PIDS]) != 0;
}

int cgroup_open(struct cgroup *ret, struct err *err)
{
	struct hierarchies h;
	struct cgroup cgroup = CGROUP_NONE;
	const char *forced = getenv("DOCKGATE_AGENT_CGROUP");
	int r;

	if (forced != NULL && strcmp(forced, "container") == 0)
		return err_say(err, ENOTSUP, "DOCKGATE_AGENT_CGROUP=container");
	r = hierarchies_read(&h, err);
	if (r == 0) {
		cgroup.kind = h.v2 ? FRAME_CGROUP_JOB_V2 : FRAME_CGROUP_JOB_V1;
		r = mount_all(&h, &cgroup, err);
	}
	if (r == 0 && h.v2)
		r = make_room_v2(&cgroup, err);
	cgroup.cpu_apart =
		r == 0 && !h.v2 && is_apart(&h, CONTROLLER_CPU) && is_apart(&h, CONTROLLER_CPUACCT);
	if (r < 0) {
		cgroup_close(&cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
	for (int i = 0; i < CONTROLLER_MAX_; i++) {
		if (cgroup->dirs[i] >= 0)
			(void)close(cgroup->dirs[i]);
		cgroup->dirs[i] = -1;
	}
}

static int limit_v1(const struct cgroup *cgroup, const struct limits *limits, struct err *err)
{
	int memory = cgroup->dirs[CONTROLLER_MEMORY];
	int64_t bytes = limits->v[LIMIT_MEMORY];
	int r = put(memory, "memory.limit_in_bytes", err, "%" PRId64, bytes);

	/* Only where the kernel counts swap at all; never below the limit just written. */
	if (r == 0 && faccessat(memory, "memory.memsw.limit_in_bytes", F_OK, 0) == 0)
		r = put(memory, "memory.memsw.limit_in_bytes", err, "%" PRId64, bytes);
	if (r == 0)
		r = put(cgroup->dirs[CONTROLLER_PIDS], "pids.max", err, "%" PRId64,
			limits->v[LIMIT_PROCESSES]);
	if (r == 0)
		r = put(cgroup->dirs[CONTROLLER_CPU], "cpu.cfs_quota_us", err, "%" PRId64,
			limits->v[LIMIT_CPUS] * (CPU_PERIOD_US / 1000));
	return r;
}

static int limit_v2(const struct cgroup *cgroup, const struct limits *limits, struct err *err)
{
	int dir = cgroup->dirs[0];
	int r = put(dir, "memory.max", err, "%" PRId64, limits->v[LIMIT_MEMORY]);

	if (r == 0 && faccessat(dir, "memory.swap.max", F_OK, 0) == 0)
		r = put(dir, "memory.swap.max", err, "0");
	if (r == 0)
		r = put(dir, "memory.oom.group", err, "1");
	if (r == 0)
		r = put(dir, "pids.max", err, "%" PRId64, limits->v[LIMIT_PROCESSES]);
	if (r == 0)
		r = put(dir, "cpu.max", err, "%" PRId64 " %d",
			limits->v[LIMIT_CPUS] * (CPU_PERIOD_US / 1000), CPU_PERIOD_US);
	return r;
}

int cgroup_limit(const struct cgroup *cgroup, const struct limits *limits, struct err *err)
{
	return cgroup->kind == FRAME_CGROUP_JOB_V1 ? limit_v1(cgroup, limits, err)
						   : limit_v2(cgroup, limits, err);
}

static bool is_reused(const struct cgroup *parent, int i)
{
	return parent->cpu_apart && (i == CONTROLLER_CPU || i == CONTROLLER_CPUACCT);
}

/* Directories of one hierarchy are made once: the second time EEXIST is the same one. */
static int make_dirs(const struct cgroup *parent, const char *name, const char *place,
	struct cgroup *cgroup, struct err *err)
{
	for (int i = 0; i < CONTROLLER_MAX_; i++) {
		const char *dir = is_reused(parent, i) ? place : name;

		if (cgroup->dirs[i] >= 0)
			continue;
		if (mkdirat(parent->dirs[i], dir, 0755) < 0 && errno != EEXIST)
			return err_set(err, errno, "make a cgroup");
		cgroup->dirs[i] = openat(parent->dirs[i], dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cgroup->dirs[i] < 0)
			return err_set(err, errno, "open a cgroup");
	}
	return 0;
}

int cgroup_make(const struct cgroup *parent, const char *name, const char *place,
	const struct limits *limits, struct cgroup *ret, struct err *err)
{
	int r;

	ret->kind = parent->kind;
	r = make_dirs(parent, name, place, ret, err);
	if (r == 0)
		r = cgroup_limit(ret, limits, err);
	if (r < 0)
		(void)cgroup_remove(parent, name, ret);
	return r;
}

int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct err *err)
{
	int n = cgroup->kind == FRAME_CGROUP_JOB_V2 ? 1 : CONTROLLER_MAX_;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = put(cgroup->dirs[i], "cgroup.procs", err, "%d", pid);
	return r;
}

int cgroup_remove(const struct cgroup *parent, const char *name, struct cgroup *cgroup)
{
	int r = 0;

	for (int i = 0; i < CONTROLLER_MAX_; i++) {
		if (is_reused(parent, i))
			continue;
		if (cgroup->dirs[i] >= 0)
			(void)close(TAKE_FD(cgroup->dirs[i]));
		if (unlinkat(parent->dirs[i], name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r;
}

struct meter cgroup_container_meter(void)
{
	struct hierarchies h = { .v2 = true };
	struct err ignored;
	int dirs[CONTROLLER_MAX_];
	struct meter meter;

	(void)hierarchies_read(&h, &ignored);
	for (int i = 0; i < CONTROLLER_MAX_; i++) {
		char path[OPTIONS_MAX + 32];

		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", h.v2 ? "" : h.options[i]);
		dirs[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	meter = meter_open(h.v2 ? FRAME_CGROUP_JOB_V2 : FRAME_CGROUP_JOB_V1, dirs, false);
	for (int i = 0; i < CONTROLLER_MAX_; i++)
		if (dirs[i] >= 0)
			(void)close(dirs[i]);
	return meter;
}
