/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "secrets.h"
#include "welcome.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS  5000
#define GOOD_US        (60 * INT64_C(1000000)) /* a life so long resets the pause */
#define STOP_S         5                       /* what a role gets beyond what it says it takes */
#define FILES_WANTED   65536
#define LISTEN_START   3
#define SPARE_FD       (LISTEN_START + ROLE_LISTEN_MAX + 1)

enum child_state { CHILD_DOWN, CHILD_STARTING, CHILD_UP };

struct supervisor;

struct child {
	struct supervisor *sv;
	enum role role;
	enum child_state state;
	pid_t pid;   /* 0 while down */
	bool ending; /* it was told to */
	int64_t started_us;
	int pause_ms;
	struct event *again; /* start after the pause */
};

struct supervisor {
	struct place *place;
	struct config *config;
	const struct supervisor_options *options;
	struct event_base *base;
	struct event *signals[4];
	struct event *notice, *overdue;
	struct child children[ROLE_MAX_];
	int config_fd; /* sealed memory */
	int notice_fd;
	char notice_name[64];
	pid_t first_job; /* 0: none runs */
	bool ready;      /* all were up once */
	bool stopping;
	bool killing;
	int step; /* of stop_order or reload_order: whose end is awaited */
	bool reloading;
	int exit_code;
};

/* Endings are reported to a queue that is still there; answers go out to the last. */
static const enum role stop_order[ROLE_MAX_] = { ROLE_DRIVER, ROLE_COURIER, ROLE_QUEUE,
	ROLE_GATEWAY };
/* A role that knows the new configuration finds a queue that does, too. */
static const enum role reload_order[ROLE_MAX_] = { ROLE_QUEUE, ROLE_DRIVER, ROLE_COURIER,
	ROLE_GATEWAY };

/* ---- starting a role ------------------------------------------------------------------ */

static int seal_text(const char *text, struct err *err)
{
	cleanup_close int fd = memfd_create("dockgate-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t n = strlen(text);

	if (fd < 0)
		return err_set(err, errno, "configuration's memory");
	while (n > 0) {
		ssize_t put = write(fd, text, n);

		if (put < 0)
			return err_set(err, errno, "configuration's memory");
		text += put;
		n -= (size_t)put;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(err, errno, "seal the configuration");
	return TAKE_FD(fd);
}

/* In the child: descriptors to 3 and up, in order; names for LISTEN_FDNAMES. The next free number.
 */
static int place_fds(const struct supervisor *sv, enum role role, char *names, size_t size)
{
	int moved[ROLE_LISTEN_MAX + 1];
	int n = 0;
	size_t used = 0;

	for (size_t i = 0; i < sv->place->n_listeners; i++) {
		const struct listener *l = &sv->place->listeners[i];

		if (l->role != role)
			continue;
		used += (size_t)snprintf(
			names + used, size - used, "%s%s", n > 0 ? ":" : "", l->name);
		moved[n++] = fcntl(l->fd, F_DUPFD_CLOEXEC, SPARE_FD);
	}
	moved[n] = fcntl(sv->config_fd, F_DUPFD_CLOEXEC, SPARE_FD);
	for (int i = 0; i <= n; i++)
		if (moved[i] < 0 || dup2(moved[i], LISTEN_START + i) < 0)
			return -1;
	return LISTEN_START + n;
}

static int set_number(const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	return setenv(name, text, 1);
}

static void raise_files(void)
{
	struct rlimit files = { FILES_WANTED, FILES_WANTED };

	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Only calls that a single-threaded child may make; never returns. */
static void become_role(const struct supervisor *sv, enum role role, pid_t parent)
{
	char names[1024] = "";
	char fd_text[16];
	char *argv[5];
	sigset_t none;
	int config_fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
	(void)setsid(); /* a terminal's Ctrl-C is the supervisor's alone */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	config_fd = place_fds(sv, role, names, sizeof(names));
	if (config_fd < 0)
		_exit(1);
	raise_files();
	(void)snprintf(fd_text, sizeof(fd_text), "%d", config_fd);
	if (set_number("LISTEN_PID", getpid()) < 0 ||
		set_number("LISTEN_FDS", config_fd - LISTEN_START) < 0 ||
		setenv("LISTEN_FDNAMES", names, 1) < 0 ||
		setenv("NOTIFY_SOCKET", sv->notice_name, 1) < 0)
		_exit(1);
	argv[0] = (char *)(uintptr_t) "dockgate";
	argv[1] = (char *)(uintptr_t)role_name(role);
	argv[2] = (char *)(uintptr_t) "--config-fd";
	argv[3] = fd_text;
	argv[4] = NULL;
	(void)execv("/proc/self/exe", argv);
	_exit(1);
}

static void start_later(struct child *child);

/*
 * Our handlers would tell us of what was meant for the child: it has them no more when it lets
 * signals in again.
 */
static pid_t fork_without_handlers(void)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t all, before;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; pid == 0 && i < sizeof(handled) / sizeof(handled[0]); i++)
		(void)signal(handled[i], SIG_DFL);
	return pid;
}

static void start(struct child *child)
{
	struct supervisor *sv = child->sv;
	pid_t parent = getpid();
	pid_t pid = fork_without_handlers();

	if (pid == 0)
		become_role(sv, child->role, parent);
	if (pid < 0) {
		log_error("cannot start %s: %s", role_name(child->role), strerror(errno));
		start_later(child);
		return;
	}
	child->pid = pid;
	child->state = CHILD_STARTING;
	child->started_us = clock_us();
	log_debug("%s started pid=%d", role_name(child->role), (int)pid);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	(void)fd;
	(void)what;
	if (!child->sv->stopping && child->pid == 0)
		start(child);
}

static void start_later(struct child *child)
{
	const struct timeval pause = { child->pause_ms / 1000, (child->pause_ms % 1000) * 1000 };

	(void)event_add(child->again, &pause);
	child->pause_ms = child->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : child->pause_ms * 2;
}

/* ---- stopping ----------------------------------------------------------------------------- */

static void kill_all(struct supervisor *sv)
{
	sv->killing = true;
	for (size_t i = 0; i < ROLE_MAX_; i++)
		if (sv->children[i].pid > 0)
			(void)kill(sv->children[i].pid, SIGKILL);
}

/*
 * Asks the role to end, once, and sets the clock on it: a second signal would tell it to have no
 * more patience with its jobs.
 */
static void end_child(struct supervisor *sv, struct child *child)
{
	struct timeval limit = { STOP_S, 0 };

	if (child->role == ROLE_DRIVER)
		limit.tv_sec += sv->config->drain_s + ROLE_DRIVER_REMOVE_S + ROLE_DRIVER_ACK_S;
	if (!child->ending)
		(void)kill(child->pid, SIGTERM);
	child->ending = true;
	(void)event_add(sv->overdue, &limit);
}

static void stop_next(struct supervisor *sv)
{
	(void)event_del(sv->overdue);
	for (; sv->step < ROLE_MAX_; sv->step++) {
		struct child *child = &sv->children[stop_order[sv->step]];

		if (child->pid > 0) {
			end_child(sv, child);
			return;
		}
	}
	if (sv->first_job > 0)
		(void)kill(sv->first_job, SIGTERM);
	(void)event_base_loopbreak(sv->base);
}

static void stop(struct supervisor *sv, int exit_code)
{
	if (sv->stopping)
		return;
	sv->stopping = true;
	sv->reloading = false;
	sv->exit_code = exit_code;
	sv->step = 0;
	for (size_t i = 0; i < ROLE_MAX_; i++)
		(void)event_del(sv->children[i].again);
	stop_next(sv);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sv = arg;
	const enum role *order = sv->stopping ? stop_order : reload_order;
	struct child *child = &sv->children[order[sv->step]];

	(void)fd;
	(void)what;
	if (child->pid > 0) {
		log_warning("%s does not end: killed", role_name(child->role));
		(void)kill(child->pid, SIGKILL);
	}
}

/* ---- reloading ----------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

/* What only a start from root can change; NULL: nothing of it differs. */
static const char *fixed_difference(const struct config *a, const struct config *b)
{
	if (!same_text(a->state_dir, b->state_dir))
		return "state_dir";
	if (!same_text(a->socket_dir, b->socket_dir))
		return "socket_dir";
	if (!same_list(&a->listen, &b->listen))
		return "listen";
	for (size_t i = 0; i < ROLE_MAX_; i++)
		if (role_uid((enum role)i, a) != role_uid((enum role)i, b) ||
			role_gid((enum role)i, a) != role_gid((enum role)i, b))
			return "the roles' users and groups";
	return NULL;
}

static void log_mistake(const char *line, void *arg)
{
	(void)arg;
	log_error("%s", line);
}

static int read_again(struct supervisor *sv, struct config **ret_config, int *ret_fd)
{
	cleanup_free char *text = NULL;
	struct config *config = NULL;
	const char *fixed;
	struct err err;
	int fd = -1;

	if (config_text(sv->options->config_path, &text, &err) < 0) {
		log_error("%s", err.msg);
		return -1;
	}
	if (config_parse(text, "configuration", log_mistake, NULL, &config, &err) < 0)
		return -1;
	fixed = fixed_difference(sv->config, config);
	if (fixed != NULL)
		log_error("%s changed: that needs a new start", fixed);
	else if (secrets_check(config, &err) < 0 || (fd = seal_text(text, &err)) < 0)
		log_error("%s", err.msg);
	if (fd < 0) {
		config_free(config);
		return -1;
	}
	*ret_config = config;
	*ret_fd = fd;
	return 0;
}

static void reload_next(struct supervisor *sv)
{
	(void)event_del(sv->overdue);
	for (; sv->step < ROLE_MAX_; sv->step++) {
		struct child *child = &sv->children[reload_order[sv->step]];

		if (child->pid > 0) {
			end_child(sv, child);
			return;
		}
	}
	sv->reloading = false;
	log_info("all roles have the new configuration");
}

static void reload(struct supervisor *sv)
{
	struct config *config;
	int fd;

	if (sv->stopping || sv->reloading)
		return;
	if (read_again(sv, &config, &fd) < 0) {
		log_error("the configuration stays as it was");
		return;
	}
	config_free(sv->config);
	(void)close(sv->config_fd);
	sv->config = config;
	sv->config_fd = fd;
	log_init("serve", log_level_by_name(config->log_level));
	log_info("new configuration: restarting the roles one after the other");
	sv->reloading = true;
	sv->step = 0;
	reload_next(sv);
}

/* ---- a role ended ---------------------------------------------------------------------------- */

static void say_end(const struct child *child, int status)
{
	if (WIFSIGNALED(status))
		log_warning("%s pid=%d ended by signal %d (%s)", role_name(child->role),
			(int)child->pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_warning("%s pid=%d ended with %d", role_name(child->role), (int)child->pid,
			WEXITSTATUS(status));
}

/* Told to end before it listened to that: it had begun nothing. */
static bool ended_early(const struct child *child, int status)
{
	return child->ending && child->state == CHILD_STARTING && WTERMSIG(status) == SIGTERM;
}

static void child_ended(struct supervisor *sv, struct child *child, int status)
{
	bool expected = sv->stopping || (sv->reloading && child->role == reload_order[sv->step]);
	bool failed = WIFSIGNALED(status) && !ended_early(child, status);

	if (!expected || failed || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
		say_end(child, status);
	child->pid = 0;
	child->ending = false;
	child->state = CHILD_DOWN;
	if (sv->stopping) {
		if (!sv->killing && failed && sv->exit_code == 0)
			sv->exit_code = 1;
		stop_next(sv);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SETUP) {
		log_error("%s cannot run as things are: stopping", role_name(child->role));
		stop(sv, EXIT_SETUP);
	} else if (expected) {
		start(child);
		sv->step++;
		reload_next(sv);
	} else {
		if (clock_us() - child->started_us >= GOOD_US)
			child->pause_ms = PAUSE_FIRST_MS;
		start_later(child);
	}
}

static void on_child(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sv = arg;
	int status;
	pid_t pid;

	(void)fd;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == sv->first_job) {
			sv->first_job = 0;
			if (!sv->stopping && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
				log_warning("the first job did not end well; `dockgate doctor` "
					    "looks for the reason");
		}
		for (size_t i = 0; i < ROLE_MAX_; i++)
			if (sv->children[i].pid == pid)
				child_ended(sv, &sv->children[i], status);
	}
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sv = arg;

	(void)fd;
	(void)what;
	if (sv->stopping) {
		log_warning("asked twice: killing what is left");
		kill_all(sv);
		return;
	}
	log_info("stopping: running jobs get %d s; once more kills", sv->config->drain_s);
	stop(sv, 0);
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reload(arg);
}

/* ---- readiness ------------------------------------------------------------------------------- */

static void start_first_job(struct supervisor *sv)
{
	sigset_t none;
	pid_t pid;

	if (sv->options->first_job == NULL)
		return;
	pid = fork_without_handlers();
	if (pid > 0)
		sv->first_job = pid;
	if (pid != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)setsid();
	for (int s = 1; s < SIGRTMIN; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(welcome(sv->config, sv->options->first_job));
}

static void all_up(struct supervisor *sv)
{
	for (size_t i = 0; i < ROLE_MAX_; i++)
		if (sv->children[i].state != CHILD_UP)
			return;
	if (sv->ready)
		return;
	sv->ready = true;
	log_info("ready: %s%s", sv->config->listen.n > 0 ? "http://" : "on the unix socket",
		sv->config->listen.n > 0 ? sv->config->listen.v[0] : "");
	role_ready();
	start_first_job(sv);
}

/* The process that sent a notice, 0 where the system does not say. */
static pid_t notice_pid(int fd, char *text, size_t size)
{
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred cred = { 0 };

	if (n < 0)
		return -1;
	text[n] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
			c->cmsg_len == CMSG_LEN(sizeof(cred)))
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	return cred.pid;
}

static void on_notice(evutil_socket_t fd, short what, void *arg)
{
	struct supervisor *sv = arg;
	char text[256];
	pid_t pid;

	(void)what;
	while ((pid = notice_pid(fd, text, sizeof(text))) >= 0) {
		if (strncmp(text, "READY=1", 7) != 0)
			continue;
		for (size_t i = 0; i < ROLE_MAX_; i++)
			if (sv->children[i].pid == pid && pid > 0)
				sv->children[i].state = CHILD_UP;
		all_up(sv);
	}
}

/* An abstract socket: roles that have become other users reach it wherever they are. */
static int open_notice(struct supervisor *sv, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint64_t random;
	int one = 1;
	int n;

	if (fd < 0 || getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, errno, "notice socket");
	n = snprintf(sv->notice_name, sizeof(sv->notice_name), "@dockgate-%d-%016" PRIx64, getpid(),
		random);
	memcpy(addr.sun_path, sv->notice_name, (size_t)n);
	addr.sun_path[0] = '\0';
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
		bind(fd, (const struct sockaddr *)&addr,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) < 0)
		return err_set(err, errno, "notice socket");
	sv->notice_fd = TAKE_FD(fd);
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int make_events(struct supervisor *sv, struct err *err)
{
	bool ok = true;

	sv->base = event_base_new();
	if (sv->base == NULL)
		return err_set(err, ENOMEM, "event loop");
	sv->signals[0] = evsignal_new(sv->base, SIGTERM, on_stop, sv);
	sv->signals[1] = evsignal_new(sv->base, SIGINT, on_stop, sv);
	sv->signals[2] = evsignal_new(sv->base, SIGHUP, on_reload, sv);
	sv->signals[3] = evsignal_new(sv->base, SIGCHLD, on_child, sv);
	sv->notice = event_new(sv->base, sv->notice_fd, EV_READ | EV_PERSIST, on_notice, sv);
	sv->overdue = evtimer_new(sv->base, on_overdue, sv);
	for (size_t i = 0; i < 4; i++)
		ok = ok && sv->signals[i] != NULL && event_add(sv->signals[i], NULL) == 0;
	for (size_t i = 0; i < ROLE_MAX_; i++) {
		sv->children[i] = (struct child){ .sv = sv,
			.role = (enum role)i,
			.pause_ms = PAUSE_FIRST_MS,
			.again = evtimer_new(sv->base, on_again, &sv->children[i]) };
		ok = ok && sv->children[i].again != NULL;
	}
	ok = ok && sv->notice != NULL && sv->overdue != NULL && event_add(sv->notice, NULL) == 0;
	return ok ? 0 : err_set(err, ENOMEM, "event loop");
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void done(struct supervisor *sv)
{
	for (size_t i = 0; i < 4; i++)
		free_event(sv->signals[i]);
	for (size_t i = 0; i < ROLE_MAX_; i++)
		free_event(sv->children[i].again);
	free_event(sv->notice);
	free_event(sv->overdue);
	if (sv->base != NULL)
		event_base_free(sv->base);
	if (sv->config_fd >= 0)
		(void)close(sv->config_fd);
	if (sv->notice_fd >= 0)
		(void)close(sv->notice_fd);
	config_free(sv->config);
	place_close(sv->place);
}

int supervisor_run(struct place *place, struct config *config, char *text,
	const struct supervisor_options *options)
{
	struct supervisor sv = {
		.place = place,
		.config = config,
		.options = options,
		.config_fd = -EBADF,
		.notice_fd = -EBADF,
	};
	struct err err;
	int r = open_notice(&sv, &err);

	if (r == 0)
		r = make_events(&sv, &err);
	if (r == 0)
		r = sv.config_fd = seal_text(text, &err);
	free(text);
	if (r < 0) {
		log_error("%s", err.msg);
		sv.exit_code = 1;
	} else {
		start(&sv.children[ROLE_QUEUE]);
		start(&sv.children[ROLE_DRIVER]);
		start(&sv.children[ROLE_COURIER]);
		start(&sv.children[ROLE_GATEWAY]);
		(void)event_base_dispatch(sv.base);
	}
	done(&sv);
	return sv.exit_code;
}
