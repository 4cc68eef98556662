/* SPDX-License-Identifier: MIT */
/*
 * A neighbour that wants all there is, and holds its place until it is told to go:
 *
 *	hostile forks | memory | output | disk | cpu
 *
 * one that wants more memory than there is, and is killed:
 *
 *	hostile killed
 *
 * or one that refuses to end, and says in microseconds for how long it has lived, a line a
 * millisecond: itself, or a child of its child.
 *
 *	hostile lives | orphan
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024UL * 1024)
/* Of the task's 256 and 64. */
#define HELD    (192 * MIB)
#define WRITTEN (48 * MIB)

static char block[MIB];

static void forks(void)
{
	for (;;)
		(void)fork();
}

static void memory(void)
{
	char *p = mmap(NULL, HELD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int n = 0; p != MAP_FAILED; n++)
		memset(p, n, HELD);
}

static void killed(void)
{
	for (;;) {
		char *p =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED)
			memset(p, 1, MIB);
	}
}

static void output(void)
{
	for (;;)
		if (write(STDOUT_FILENO, block, sizeof(block)) < 0)
			return;
}

/* As much as there is room for, then over it again. */
static void disk(void)
{
	int fd = open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	for (size_t at = 0;; at = (at + sizeof(block)) % WRITTEN)
		if (pwrite(fd, block, sizeof(block), (off_t)at) < 0)
			return;
}

static void cpu(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

static struct timespec born;

static void lives(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct timespec now;

	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_IGN);
	for (;;) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		(void)dprintf(STDOUT_FILENO, "%ld\n",
			(now.tv_sec - born.tv_sec) * 1000000 + (now.tv_nsec - born.tv_nsec) / 1000);
		(void)nanosleep(&pause, NULL);
	}
}

static void orphan(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0)
			lives();
		_exit(0);
	}
	for (;;)
		(void)pause();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} all[] = { { "forks", forks }, { "memory", memory }, { "output", output },
		{ "disk", disk }, { "cpu", cpu }, { "killed", killed }, { "lives", lives },
		{ "orphan", orphan } };

	(void)clock_gettime(CLOCK_MONOTONIC, &born);
	memset(block, 'x', sizeof(block));
	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(argv[1], all[i].name) == 0)
			all[i].run();
	return 2;
}
