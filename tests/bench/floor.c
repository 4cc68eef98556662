/* SPDX-License-Identifier: MIT */
/*
 * What a program takes by itself: fork, exec, its output read to the end, its
 * exit waited for. Nothing that runs it for somebody else can be faster.
 *
 *	floor [-n TIMES] [-p PACE_MS] PROGRAM [ARG]...
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

extern char **environ;

static void read_to_end(int fd)
{
	char buf[65536];
	ssize_t n;

	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && errno == EINTR));
}

/* True if it ended with 0. */
static int run_once(char **argv)
{
	posix_spawn_file_actions_t actions;
	int pipe_fd[2];
	int status = -1;
	int r;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		err(1, "pipe");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDOUT_FILENO);
	r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(pipe_fd[1]);
	if (r != 0)
		errx(1, "%s: %s", argv[0], strerror(r));
	read_to_end(pipe_fd[0]);
	(void)close(pipe_fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
	struct figures figures = { 0 };
	long times = 1000;
	long pace_ms = 0;
	int64_t began;
	int c;

	while ((c = getopt(argc, argv, "+n:p:")) != -1) {
		if (c == 'n')
			times = figures_number(optarg, "-n", 1, 10000000);
		else if (c == 'p')
			pace_ms = figures_number(optarg, "-p", 0, 60000);
		else
			return 2;
	}
	if (optind >= argc)
		errx(2, "usage: floor [-n TIMES] [-p PACE_MS] PROGRAM [ARG]...");
	began = figures_now_us();
	for (long i = 0; i < times; i++) {
		int64_t from;

		figures_wait_until(pace_ms > 0 ? began + i * pace_ms * 1000 : 0);
		from = figures_now_us();
		if (!run_once(argv + optind))
			figures.errors++;
		figures_add(&figures, figures_now_us() - from);
	}
	figures_print(&figures, figures_now_us() - began, stdout);
	figures_done(&figures);
	return 0;
}
