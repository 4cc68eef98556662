/* SPDX-License-Identifier: MIT */
/*
 * All hostile programs in one, without a library at run time.
 *
 *	hostile --list               a line each: name, what must come of it
 *	hostile NAME [NUMBER]        runs one; 0: it got what it wanted
 *
 * As PID 1 of a namespace it runs the program in a child and waits, as an init would.
 */
#include "hostile.h"

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the linker names them so */
extern const struct hostile __start_hostile[], __stop_hostile[];

long hostile_argument;

int stopped(const char *why)
{
	(void)printf("stopped: %s\n", why);
	return NOT;
}

int reached(long r)
{
	static const int no[] = { EPERM, EACCES, EROFS, ENOSYS, ENOENT, ESRCH, EAFNOSUPPORT };

	for (size_t i = 0; r < 0 && i < sizeof(no) / sizeof(no[0]); i++)
		if (errno == no[i])
			return stopped(strerror(errno));
	return GOT;
}

int succeeded(long r)
{
	return r < 0 ? stopped(strerror(errno)) : GOT;
}

int opens(const char *path, int flags)
{
	char byte;
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return stopped(strerror(errno));
	if ((flags & O_ACCMODE) == O_RDONLY && read(fd, &byte, 1) != 1)
		return stopped("nothing in it");
	return GOT;
}

int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return stopped(strerror(errno));
	if (pid == 0)
		_exit(fn());
	if (waitpid(pid, &status, 0) != pid)
		return stopped("lost the child");
	if (WIFEXITED(status) && WEXITSTATUS(status) == GOT)
		return GOT;
	return stopped(WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the child was");
}

void nap(long ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

void wait_for_ever(void)
{
	for (;;)
		(void)pause();
}

void put(int fd, const void *data, size_t n)
{
	if (write(fd, data, n) < 0)
		errno = 0;
}

void burn(long ms)
{
	struct timespec now;

	do {
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

int make_file(const char *name, const char *content, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t w;

	if (fd < 0)
		return -1;
	w = write(fd, content, n);
	return close(fd) == 0 && w == (ssize_t)n ? 0 : -1;
}

static const struct hostile *find(const char *name)
{
	for (const struct hostile *h = __start_hostile; h < __stop_hostile; h++)
		if (strcmp(h->name, name) == 0)
			return h;
	return NULL;
}

static int as_init(const struct hostile *h)
{
	pid_t pid = fork(), ended;
	int status, result = 2;

	if (pid == 0) {
		(void)setsid();
		_exit(h->run() + (fflush(stdout) != 0));
	}
	while ((ended = wait(&status)) > 0)
		if (ended == pid) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			break;
		}
	return result;
}

int main(int argc, char **argv)
{
	const struct hostile *h;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (h = __start_hostile; h < __stop_hostile; h++)
			(void)printf("%s\t%s\n", h->name, h->expected);
		return 0;
	}
	h = argc > 1 ? find(argv[1]) : NULL;
	if (h == NULL) {
		(void)fputs("usage: hostile --list | NAME [NUMBER]\n", stderr);
		return 2;
	}
	hostile_argument = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	return getpid() == 1 ? as_init(h) : h->run();
}
