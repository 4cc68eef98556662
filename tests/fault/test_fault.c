/* SPDX-License-Identifier: MIT */
/*
 * Every call that can fail does, one at a time.
 *
 *	test_fault [SCENARIO [ROUND POINT]]
 *
 * With a point: that one alone, for a debugger. For each point is asserted: no crash, no hang;
 * success, or a negative errno that err holds too, with a text, and that is not the caller's
 * mistake; nothing left in memory and no descriptor; and that the next try, undisturbed, works.
 * What is left once may be a library's own; so a point that left something is tried again, and
 * must not leave it again.
 *
 * Each scenario is run in a process of its own. One that dies is reported, and the next
 * goes on behind the point that it died of.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "fault.h"
#include "scenario.h"

#define HANGS_S   20 /* a point takes milliseconds */
#define FDS_MOST  64
#define SHOWN     10 /* failures of one scenario, then it is left */
#define POINTS    60 /* of each scenario and round, on every build */
#define LEAKS_RUN 3  /* a point that leaves something is tried so often */

/* Shared with the child, so that it is there when that has died. */
static struct progress {
	struct fault_page page;
	uint32_t round;
	uint64_t n, stride;
	uint64_t points, failures, left_out;
	bool undisturbed;
} * at;

static const struct scenario *scenario;

static const struct scenario *const scenarios[] = { config_scenarios, request_scenarios,
	wire_scenarios, channel_scenarios, store_scenarios };

/* ---- what is said of a failure ---- */

static void show_trace(void *const *trace, size_t n)
{
	fault_spared = true;
	(void)fflush(stdout);
	backtrace_symbols_fd(trace, (int)n, STDOUT_FILENO);
	fault_spared = false;
}

static void failed(const char *fmt, ...)
{
	va_list args;

	if (++at->failures > SHOWN)
		return;
	fault_spared = true;
	printf("FAIL %s %u %lu", scenario->name, at->round, at->n);
	if (at->page.fired)
		printf(" (%s: %s)", at->page.call,
			at->page.code < 0 ? "half of it" : strerrorname_np(at->page.code));
	printf("%s: ", at->undisturbed ? ", afterwards" : "");
	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (at->page.fired)
		show_trace(at->page.trace, at->page.depth);
	fault_spared = false;
}

void wrong(const char *file, int line, const char *what)
{
	failed("%s:%d: %s", file, line, what);
}

/* ---- one try ---- */

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_MOST; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n++;
	return n;
}

static bool is_blamed(int code)
{
	static const int usual[] = { EINVAL, 0 };

	for (const int *c = scenario->blames != NULL ? scenario->blames : usual; *c != 0; c++)
		if (code == *c)
			return true;
	return false;
}

static void check_result(int r, const struct err *err)
{
	if (r > 0)
		failed("returned %d", r);
	else if (r < 0 && (err->code != -r || err->msg[0] == '\0'))
		failed("returned %d, but err says %d, \"%s\"", r, err->code, err->msg);
	else if (r < 0 && at->page.fired != FAULT_FIRED)
		failed("nothing failed, and yet: %s", err->msg);
	else if (r < 0 && is_blamed(-r))
		failed("the caller is blamed: %s", err->msg);
}

/* With the n-th point failing, 0: none. False: something was left. */
static bool try_once(uint64_t n)
{
	unsigned fds = count_fds();
	struct err err = { 0 };
	int r;

	at->undisturbed = n == 0;
	if (n != 0)
		at->page.fired = 0;
	(void)alarm(HANGS_S);
	fault_track(true);
	at->page.n = n;
	at->page.seen = 0;
	at->page.armed = n != 0;
	r = scenario->run(&err);
	at->page.armed = 0;
	fault_track(false);
	(void)alarm(0);
	if (n == 0)
		at->page.fired = 0;
	check_result(r, &err);
	return fault_live() == 0 && count_fds() == fds;
}

static void check_leaks(uint64_t n)
{
	void *trace[FAULT_DEPTH];
	size_t bytes = 0, depth;
	unsigned fds = count_fds(), after;
	bool clean = false;

	fault_traced = true;
	for (unsigned i = 0; i < LEAKS_RUN && !clean; i++)
		clean = try_once(n);
	fault_traced = false;
	if (clean)
		return;
	after = count_fds();
	if (after > fds)
		failed("%u descriptors are left after %u tries", after - fds, LEAKS_RUN);
	if (fault_live() == 0)
		return;
	depth = fault_live_trace(trace, &bytes);
	failed("%zu allocations are left; one of %zu bytes was made here:", fault_live(), bytes);
	show_trace(trace, depth);
}

/* False: the scenario came to its end before it. */
static bool try_point(uint64_t n)
{
	bool clean;

	at->n = n;
	clean = try_once(n);
	if (at->page.fired == 0)
		return false;
	if (at->page.fired == FAULT_SPARED) {
		at->left_out++;
		return true;
	}
	at->points++;
	if (!clean)
		check_leaks(n);
	(void)try_once(0);
	return true;
}

/* How many points a round has. */
static uint64_t count_points(void)
{
	struct err err;

	at->page.n = 0;
	at->page.seen = 0;
	at->page.armed = 1;
	(void)scenario->run(&err);
	at->page.armed = 0;
	return at->page.seen;
}

/* Some of many points on every build; all of them in the long run. */
static uint64_t stride(void)
{
	const char *share = getenv("DOCKGATE_LONG");
	uint64_t n = share == NULL || strtod(share, NULL) <= 0 ? count_points() : 0;

	return 1 + n / POINTS;
}

/* ---- the child ---- */

static void quiet(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (getenv("DOCKGATE_FAULT_LOG") == NULL && fd >= 0)
		(void)dup2(fd, STDERR_FILENO); /* roles log each failure */
	(void)close(fd);
	log_init("fault", LOG_ERROR);
}

_Noreturn static void run_from(uint32_t round, uint64_t n, bool alone)
{
	fault_page = &at->page;
	quiet();
	if (scenario->set_up != NULL && scenario->set_up() < 0) {
		failed("set_up");
		exit(0);
	}
	at->page.kinds = FAULT_MEMORY | FAULT_SYSCALL;
	at->page.fired = 0;
	for (unsigned i = 0; i < 2; i++) /* what is made once and kept */
		(void)try_once(0);
	for (; round < FAULT_ROUNDS; round++, n = 1) {
		at->round = at->page.round = round;
		at->stride = stride();
		while (try_point(n) && !alone)
			n += at->stride;
		if (alone)
			break;
	}
	(void)fflush(stdout);
	exit(0); /* where LeakSanitizer looks */
}

/* ---- the parent ---- */

static void describe_death(int status)
{
	if (WIFSIGNALED(status))
		failed("%s", WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
	else
		failed("exit status %d", WEXITSTATUS(status));
}

static void remove_directory(const char *dir)
{
	char command[200];

	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
	if (chdir("/") < 0 || system(command) != 0)
		failed("%s cannot be removed", dir);
}

static int make_directory(char *dir, size_t size)
{
	(void)snprintf(dir, size, "%s/dockgate-fault-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	return mkdtemp(dir) == NULL || chdir(dir) < 0 ? -1 : 0;
}

/* Each child ends or dies; the next one begins behind what it died of. */
static void run_children(uint32_t round, uint64_t n, bool alone)
{
	for (;;) {
		int status;
		pid_t pid;

		at->page.armed = 0;
		at->n = 0;
		(void)fflush(stdout);
		pid = fork();
		if (pid == 0)
			run_from(round, n, alone);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			exit(2);
		at->page.armed = 0;
		if (status == 0)
			return;
		describe_death(status);
		if (at->n == 0 || alone || at->failures > SHOWN)
			return;
		round = at->round;
		n = at->n + at->stride;
	}
}

static bool run_scenario(const struct scenario *s, uint32_t round, uint64_t n, bool alone)
{
	char dir[100];

	scenario = s;
	memset(at, 0, sizeof(*at));
	if (make_directory(dir, sizeof(dir)) < 0)
		exit(2);
	run_children(round, n, alone);
	remove_directory(dir);
	if (at->points == 0)
		failed("no call has failed");
	printf("  %s %s: %lu points, %lu failures, %lu left to libraries\n",
		at->failures == 0 ? "ok  " : "FAIL", s->name, at->points, at->failures,
		at->left_out);
	(void)fflush(stdout);
	return at->failures == 0;
}

/* Added to what a run has seen; CONTRIBUTING.md says where that goes. */
static void add_figure(uint64_t points)
{
	const char *path = getenv("DOCKGATE_FIGURES");
	FILE *file = path == NULL ? NULL : fopen(path, "ae");

	if (file == NULL)
		return;
	(void)fprintf(file, "fault.points\t%lu\n", points);
	(void)fclose(file);
}

int main(int argc, char **argv)
{
	unsigned good = 0, bad = 0;
	uint64_t points = 0;

	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		for (const struct scenario *s = scenarios[i]; s->name != NULL; s++) {
			if (argc > 1 && strncmp(s->name, argv[1], strlen(argv[1])) != 0)
				continue;
			if (run_scenario(s, argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0,
				    argc > 3 ? strtoull(argv[3], NULL, 10) : 1, argc > 3))
				good++;
			else
				bad++;
			points += at->points;
		}
	add_figure(points);
	printf("fault: %u passed, %u failed\n", good, bad);
	return bad == 0 && good > 0 ? 0 : 1;
}
