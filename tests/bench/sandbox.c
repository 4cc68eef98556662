/* SPDX-License-Identifier: MIT */
/*
 * A sandbox made by hand for each run of a program, with nothing around it: the
 * namespaces, an overlay on a read-only root, cgroups of its own, exec. What a
 * service adds to this is what the service costs.
 *
 *	sandbox [-n TIMES] [-p PACE_MS] [-a] ROOT PROGRAM [ARG]...
 *
 * ROOT is a directory with the program in it. A run is over when its output has
 * been read to the end and its exit waited for; what is left of it is cleared away
 * behind that, in the elapsed time but in no run's. With -a all is prepared before
 * the run begins, which then is one write, the exec and the end: no service that
 * gives each job a fresh sandbox can be faster.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

#define GROUPS_MAX 4

struct place {
	char scratch[64];            /* a tmpfs of our own, gone with our mount namespace */
	char groups[GROUPS_MAX][64]; /* of all our runs, one in each hierarchy */
	size_t n_groups;
	const char *root;
	char **argv;
};

struct run {
	char dir[96];
	char groups[GROUPS_MAX][96];
	pid_t pid;
	int out_fd;   /* owned */
	int go_fd;    /* owned; written to begin */
	int ready_fd; /* owned; has its end when all is prepared */
};

/* ---- the place ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	(void)close(fd);
}

static void add_group(struct place *place, const char *hierarchy)
{
	char *path = place->groups[place->n_groups];

	if (access(hierarchy, F_OK) < 0)
		return;
	(void)snprintf(path, sizeof(place->groups[0]), "%s/bench-sandbox-%d", hierarchy, getpid());
	if (mkdir(path, 0755) < 0)
		err(1, "%s", path);
	place->n_groups++;
}

static void place_groups(struct place *place)
{
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
		char path[128];

		add_group(place, "/sys/fs/cgroup");
		(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", place->groups[0]);
		write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +memory +pids");
		write_file(path, "+cpu +memory +pids");
		return;
	}
	add_group(place, "/sys/fs/cgroup/cpu");
	add_group(place, "/sys/fs/cgroup/cpuacct");
	add_group(place, "/sys/fs/cgroup/memory");
	add_group(place, "/sys/fs/cgroup/pids");
}

static void place_make(struct place *place)
{
	(void)snprintf(place->scratch, sizeof(place->scratch), "/tmp/bench-sandbox-XXXXXX");
	if (mkdtemp(place->scratch) == NULL)
		err(1, "%s", place->scratch);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", place->scratch, "tmpfs", 0, NULL) < 0)
		err(1, "a tmpfs of our own");
	place_groups(place);
}

static void place_remove(struct place *place)
{
	for (size_t i = 0; i < place->n_groups; i++)
		(void)rmdir(place->groups[i]);
	(void)umount2(place->scratch, MNT_DETACH);
	(void)rmdir(place->scratch);
}

/* ---- one sandbox ---- */

static void below(const struct run *run, const char *name, char ret[static 128])
{
	(void)snprintf(ret, 128, "%s/%s", run->dir, name);
}

static void run_directories(struct run *run, bool make)
{
	static const char *const names[] = { "", "upper", "work", "merged", "upper/proc",
		"work/work" };
	size_t n = sizeof(names) / sizeof(names[0]);
	char path[128];

	for (size_t i = 0; i < n; i++) {
		below(run, names[make ? i : n - 1 - i], path);
		if (make && i < 5 && mkdir(path, 0755) < 0)
			err(1, "%s", path);
		if (!make)
			(void)rmdir(path);
	}
}

static void run_groups(struct run *run, const struct place *place, unsigned number)
{
	for (size_t i = 0; i < place->n_groups; i++) {
		(void)snprintf(
			run->groups[i], sizeof(run->groups[i]), "%s/%u", place->groups[i], number);
		if (mkdir(run->groups[i], 0755) < 0)
			err(1, "%s", run->groups[i]);
	}
}

static void child_attach(const struct run *run, size_t n)
{
	char path[128];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.procs", run->groups[i]);
		write_file(path, "0");
	}
	if (unshare(CLONE_NEWCGROUP) < 0)
		err(1, "cgroup namespace");
}

static void child_root(const struct run *run, const struct place *place)
{
	char options[1024], merged[128];

	below(run, "merged", merged);
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		place->root, run->dir, run->dir);
	if (mount("overlay", merged, "overlay", 0, options) < 0 || chdir(merged) < 0 ||
		mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
		syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		err(1, "root");
}

static _Noreturn void child_main(
	const struct run *run, const struct place *place, int out_fd, int go_fd, int ready_fd)
{
	char byte;

	child_attach(run, place->n_groups);
	child_root(run, place);
	(void)dup2(out_fd, STDOUT_FILENO);
	(void)close(ready_fd);
	if (read(go_fd, &byte, 1) != 1)
		_exit(1);
	(void)execv(place->argv[0], place->argv);
	err(127, "%s", place->argv[0]);
}

static void make_pipe(int ret[static 2])
{
	if (pipe2(ret, O_CLOEXEC) < 0)
		err(1, "pipe");
}

/* Begins the making of a sandbox; the process in it waits for a byte. */
static void run_make(struct run *run, const struct place *place, unsigned number)
{
	int out[2], go[2], ready[2];

	(void)snprintf(run->dir, sizeof(run->dir), "%s/%u", place->scratch, number);
	run_directories(run, true);
	run_groups(run, place, number);
	make_pipe(out);
	make_pipe(go);
	make_pipe(ready);
	run->pid = (pid_t)syscall(SYS_clone,
		CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, NULL, NULL,
		NULL, NULL);
	if (run->pid < 0)
		err(1, "clone");
	if (run->pid == 0)
		child_main(run, place, out[1], go[0], ready[1]);
	(void)close(out[1]);
	(void)close(go[0]);
	(void)close(ready[1]);
	run->out_fd = out[0];
	run->go_fd = go[1];
	run->ready_fd = ready[0];
}

static void read_to_end(int fd)
{
	char buf[65536];
	ssize_t n;

	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && errno == EINTR));
	(void)close(fd);
}

/* True if the program ended with 0. */
static bool run_go(struct run *run)
{
	int status = -1;

	if (write(run->go_fd, "", 1) != 1)
		err(1, "begin");
	read_to_end(run->out_fd);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_clear(struct run *run, const struct place *place)
{
	(void)close(run->go_fd);
	for (size_t i = 0; i < place->n_groups; i++)
		(void)rmdir(run->groups[i]);
	run_directories(run, false);
}

/* ---- all of them ---- */

static void measure(const struct place *place, long times, long pace_ms, bool ahead)
{
	struct figures figures = { 0 };
	int64_t began = figures_now_us();

	for (unsigned i = 0; i < times; i++) {
		struct run run;
		int64_t from;

		if (ahead) {
			run_make(&run, place, i);
			read_to_end(run.ready_fd);
		}
		figures_wait_until(pace_ms > 0 ? began + i * pace_ms * 1000 : 0);
		from = figures_now_us();
		if (!ahead) {
			run_make(&run, place, i);
			(void)close(run.ready_fd);
		}
		if (!run_go(&run))
			figures.errors++;
		figures_add(&figures, figures_now_us() - from);
		run_clear(&run, place);
	}
	figures_print(&figures, figures_now_us() - began, stdout);
	figures_done(&figures);
}

int main(int argc, char **argv)
{
	struct place place = { 0 };
	long times = 1000, pace_ms = 0;
	bool ahead = false;
	int c;

	while ((c = getopt(argc, argv, "+n:p:a")) != -1) {
		if (c == 'n')
			times = figures_number(optarg, "-n", 1, 10000000);
		else if (c == 'p')
			pace_ms = figures_number(optarg, "-p", 0, 60000);
		else if (c == 'a')
			ahead = true;
		else
			return 2;
	}
	if (argc - optind < 2)
		errx(2, "usage: sandbox [-n TIMES] [-p PACE_MS] [-a] ROOT PROGRAM [ARG]...");
	place.root = argv[optind];
	place.argv = argv + optind + 1;
	place_make(&place);
	measure(&place, times, pace_ms, ahead);
	place_remove(&place);
	return 0;
}
