/* SPDX-License-Identifier: MIT */
/*
 * What the table of rights forbids is refused by the system: a child becomes
 * the role, tries, and its exit status says what it got.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/listener.h"
#include "common/role.h"

static struct config *config;
static char dir[64] = "/tmp/dockgate-role-XXXXXX";

enum { REFUSED = 0, ALLOWED = 1, CONFINE_FAILED = 2 };

static int outcome(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES) ? REFUSED : ALLOWED;
}

static int try_connect(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return outcome(fd);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	return outcome(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)));
}

static int try_database(void)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/queue/dockgate.db", dir);
	return outcome(open(path, O_RDWR | O_CLOEXEC));
}

static int try_engine(void)
{
	return try_connect("docker.sock");
}

static int try_queue_of_drivers(void)
{
	return try_connect("queue-driver.sock");
}

static int try_queue_of_couriers(void)
{
	return try_connect("queue-courier.sock");
}

static int try_queue_of_gateways(void)
{
	return try_connect("queue-gateway.sock");
}

static int try_root(void)
{
	return outcome(setresuid(0, 0, 0)) && outcome(setuid(0)) && outcome(setgid(0));
}

static int try_tcp(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_tcp6(void)
{
	return outcome(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_packet(void)
{
	return outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int try_unix_socket(void)
{
	return outcome(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_listener(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "dockgate-test-%d", getpid());
	if (outcome(bind(fd, (const struct sockaddr *)&addr, sizeof(addr))) == ALLOWED)
		return ALLOWED;
	return outcome(listen(fd, 1));
}

static int try_program(void)
{
	char *const argv[] = { (char *)(uintptr_t) "/bin/true", NULL };

	return outcome(execv(argv[0], argv));
}

static int try_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int try_trace(void)
{
	return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_mount(void)
{
	return outcome(mount("x", "/mnt", "tmpfs", 0, NULL));
}

static int try_namespace(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int try_core(void)
{
	struct rlimit core;

	return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
			       prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
			       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
		       ? REFUSED
		       : ALLOWED;
}

/* The table of rights: columns gateway, queue, driver, courier. */
static const struct {
	const char *what;
	int (*attempt)(void);
	int expected[ROLE_MAX_];
} rights[] = {
	/* clang-format off */
	{ "the database",            try_database,          { REFUSED, ALLOWED, REFUSED, REFUSED } },
	{ "the engine's socket",     try_engine,            { REFUSED, REFUSED, ALLOWED, REFUSED } },
	{ "the gateways' socket",    try_queue_of_gateways, { ALLOWED, REFUSED, REFUSED, REFUSED } },
	{ "the drivers' socket",     try_queue_of_drivers,  { REFUSED, REFUSED, ALLOWED, REFUSED } },
	{ "the couriers' socket",    try_queue_of_couriers, { REFUSED, REFUSED, REFUSED, ALLOWED } },
	{ "root",                    try_root,              { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "a TCP socket",            try_tcp,               { REFUSED, REFUSED, REFUSED, ALLOWED } },
	{ "a TCP socket (IPv6)",     try_tcp6,              { REFUSED, REFUSED, REFUSED, ALLOWED } },
	{ "a packet socket",         try_packet,            { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "a unix socket",           try_unix_socket,       { ALLOWED, ALLOWED, ALLOWED, ALLOWED } },
	{ "a listener",              try_listener,          { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "another program",         try_program,           { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "another process",         try_process,           { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "tracing",                 try_trace,             { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "mounting",                try_mount,             { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "a namespace",             try_namespace,         { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "cores and new rights",    try_core,              { REFUSED, REFUSED, REFUSED, REFUSED } },
	/* clang-format on */
};

#define ENGINE_GID 60999

static int in_role(enum role role, int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		gid_t extra = role == ROLE_DRIVER ? ENGINE_GID : (gid_t)-1;
		struct err err;

		if (role_confine(role, config, extra, &err) < 0) {
			(void)fprintf(stderr, "%s\n", err.msg);
			_exit(CONFINE_FAILED);
		}
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void each_role_has_its_rights_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		for (int role = 0; role < ROLE_MAX_; role++) {
			int got = in_role((enum role)role, rights[i].attempt);

			if (got != rights[i].expected[role])
				fail_msg("%s: %s: expected %s, got %s", role_name((enum role)role),
					rights[i].what,
					rights[i].expected[role] == REFUSED ? "refused" : "allowed",
					got == REFUSED ? "refused"
						       : (got == ALLOWED ? "allowed" : "no role"));
		}
}

/* The tests' own tries work where nothing is confined: a refusal above is the role's. */
static void without_a_role_they_are_allowed(void **state)
{
	(void)state;
	assert_int_equal(try_database(), ALLOWED);
	assert_int_equal(try_engine(), ALLOWED);
	assert_int_equal(try_tcp(), ALLOWED);
	assert_int_equal(try_listener(), ALLOWED);
	assert_int_equal(try_process(), ALLOWED);
}

static void a_driver_for_tcp_gets_tcp(void **state)
{
	(void)state;
	config->docker_host = strdup("tcp://127.0.0.1:2375");
	assert_int_equal(in_role(ROLE_DRIVER, try_tcp), ALLOWED);
	assert_int_equal(in_role(ROLE_DRIVER, try_packet), REFUSED);
	assert_int_equal(in_role(ROLE_DRIVER, try_listener), REFUSED);
	assert_int_equal(in_role(ROLE_QUEUE, try_tcp), REFUSED);
	free(config->docker_host);
	config->docker_host = NULL;
}

static int try_status(void)
{
	static const char *const expected[] = { "CapInh:\t0000000000000000",
		"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
		"CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1\n",
		"Seccomp:\t2\n" };
	char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return ALLOWED;
	text[n] = '\0';
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (strstr(text, expected[i]) == NULL)
			return ALLOWED;
	return getuid() == geteuid() && getuid() != 0 ? REFUSED : ALLOWED;
}

static void nothing_is_left_of_root(void **state)
{
	(void)state;
	for (int role = 0; role < ROLE_MAX_; role++)
		assert_int_equal(in_role((enum role)role, try_status), REFUSED);
}

static int confine_as_group_0(void)
{
	struct err err;

	return role_confine(ROLE_DRIVER, config, 0, &err) < 0 ? REFUSED : ALLOWED;
}

static void group_0_is_never_taken(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(confine_as_group_0());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), REFUSED);
}

/* Nobody has to mend what another start may not find; all else somebody must. */
static void exit_codes(void **state)
{
	static const int passing[] = { ENOMEM, EIO, ENOSPC, EMFILE, ENFILE };
	static const int staying[] = { EACCES, EPERM, EINVAL, ENOENT, EADDRINUSE, EBUSY, EROFS };

	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		assert_int_equal(role_exit_code(-passing[i]), 1);
	for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++)
		assert_int_equal(role_exit_code(-staying[i]), 78);
}

static void socket_paths(void **state)
{
	struct err err;
	char path[108];
	char *dir_before = config->socket_dir;

	(void)state;
	config->socket_dir = NULL;
	assert_int_equal(role_socket_path(config, SOCKET_HTTP, path, sizeof(path), &err), 0);
	assert_string_equal(path, "sock/dockgate.sock");
	config->socket_dir = (char *)(uintptr_t) "/run/dockgate";
	assert_int_equal(role_socket_path(config, SOCKET_HTTP, path, sizeof(path), &err), 0);
	assert_string_equal(path, "/run/dockgate/dockgate.sock");
	config->socket_dir = (char *)(uintptr_t) "/var/lib/dockgate/s";
	assert_int_equal(role_socket_path(config, SOCKET_HTTP, path, sizeof(path), &err), 0);
	assert_string_equal(path, "s/dockgate.sock");
	assert_int_equal(role_socket_path(config, SOCKET_HTTP, path, 8, &err), -ENAMETOOLONG);
	config->socket_dir = dir_before;
}

static void listeners_are_taken_over(void **state)
{
	struct role_args args = { 0 };
	struct err err;
	char pid[20];

	(void)state;
	assert_int_equal(dup2(STDERR_FILENO, 3), 3);
	assert_int_equal(dup2(STDERR_FILENO, 4), 4);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "2", 1), 0);
	assert_int_equal(setenv("LISTEN_FDNAMES", "http:http-unix", 1), 0);
	assert_int_equal(role_listen_fds(&args, &err), 0);
	assert_int_equal(args.n_listen, 2);
	assert_int_equal(args.listen_fd[1], 4);
	assert_string_equal(args.listen_name[0], "http");
	assert_string_equal(args.listen_name[1], "http-unix");
	assert_int_equal(fcntl(3, F_GETFD), FD_CLOEXEC);
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(setenv("LISTEN_PID", "1", 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "2", 1), 0);
	assert_int_equal(role_listen_fds(&args, &err), 0);
	assert_int_equal(args.n_listen, 0);
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "9999", 1), 0);
	assert_int_equal(role_listen_fds(&args, &err), -EINVAL);
	(void)unsetenv("LISTEN_PID");
}

/* What sd_notify(3)'s socket gets next. */
static void expect_notice(int fd, const char *expected)
{
	char text[200];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void systemd_is_told(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", addr.sun_path, 1), 0);
	role_ready();
	expect_notice(fd, "READY=1");
	role_stopping(12);
	expect_notice(fd, "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000");
	role_alive();
	expect_notice(fd, "WATCHDOG=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	role_alive();
	assert_int_equal(recv(fd, addr.sun_path, 1, MSG_DONTWAIT), -1);
	(void)close(fd);
}

static void the_watchdog_is_whose_number_it_has(void **state)
{
	char pid[20];

	(void)state;
	assert_int_equal(role_watchdog_us(), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "60000000", 1), 0);
	assert_int_equal(role_watchdog_us(), 60000000);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0);
	assert_int_equal(role_watchdog_us(), 0);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_int_equal(role_watchdog_us(), 60000000);
	assert_int_equal(setenv("WATCHDOG_USEC", "soon", 1), 0);
	assert_int_equal(role_watchdog_us(), 0);
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

/* Nobody takes the socket of one that lives; what a dead one left is in nobody's way. */
static void a_socket_has_one_listener(void **state)
{
	char path[100];
	const struct listener_unix what = { path, SOCK_SEQPACKET, LISTENER_KEEP, LISTENER_KEEP,
		0600 };
	struct stat st;
	struct err err;
	int first, second;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/one.sock", dir);
	first = listener_unix(&what, &err);
	assert_true(first >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(listener_unix(&what, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "another dockgate"));
	(void)close(first);
	second = listener_unix(&what, &err);
	assert_true(second >= 0);
	(void)close(second);
}

static int make_socket(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(fd, 64) < 0 || chown(addr.sun_path, uid, gid) < 0)
		return -1;
	return chmod(addr.sun_path, mode);
}

/* Files and sockets as `serve` makes them. */
static int setup(void **state)
{
	struct err err;
	char path[100];
	int fd;

	(void)state;
	if (geteuid() != 0) {
		(void)fprintf(stderr, "needs root: a role's rights are what root gives up\n");
		return -1;
	}
	if (config_parse("", "test", NULL, NULL, &config, &err) < 0 || mkdtemp(dir) == NULL ||
		chmod(dir, 0755) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/queue", dir);
	if (mkdir(path, 0700) < 0 || chown(path, config->queue_uid, config->queue_gid) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/queue/dockgate.db", dir);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || fchown(fd, config->queue_uid, config->queue_gid) < 0 || close(fd) < 0)
		return -1;
	if (make_socket("docker.sock", 0, ENGINE_GID, 0660) < 0 ||
		make_socket("queue-gateway.sock", config->gateway_uid, config->gateway_gid, 0600) <
			0)
		return -1;
	if (make_socket("queue-driver.sock", config->driver_uid, config->driver_gid, 0600) < 0)
		return -1;
	return make_socket("queue-courier.sock", config->courier_uid, config->courier_gid, 0600);
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	config_free(config);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_role_they_are_allowed),
		cmocka_unit_test(each_role_has_its_rights_and_no_others),
		cmocka_unit_test(a_driver_for_tcp_gets_tcp),
		cmocka_unit_test(nothing_is_left_of_root),
		cmocka_unit_test(group_0_is_never_taken),
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(socket_paths),
		cmocka_unit_test(listeners_are_taken_over),
		cmocka_unit_test(systemd_is_told),
		cmocka_unit_test(the_watchdog_is_whose_number_it_has),
		cmocka_unit_test(a_socket_has_one_listener),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
