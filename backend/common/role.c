/* SPDX-License-Identifier: MIT */
#include "role.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "cleanup.h"
#include "directory.h"
#include "number.h"
#include "role_filter.h"

#define LISTEN_FDS_START 3 /* sd_listen_fds(3) */
#define CAPS_MAX         63

const char *role_name(enum role role)
{
	static const char *const names[ROLE_MAX_] = { "gateway", "queue", "driver", "courier" };

	return (size_t)role < ROLE_MAX_ ? names[role] : "invalid";
}

/* ---- descriptors handed over ------------------------------------------------ */

static int adopt(struct role_args *args, size_t n, char *names, struct err *err)
{
	char *save = NULL;
	char *name = strtok_r(names, ":", &save);

	for (size_t i = 0; i < n; i++) {
		int fd = LISTEN_FDS_START + (int)i;

		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_set(err, errno, "LISTEN_FDS: descriptor %d", fd);
		args->listen_fd[i] = fd;
		args->listen_name[i] = name != NULL ? name : "unknown";
		name = name != NULL ? strtok_r(NULL, ":", &save) : NULL;
	}
	args->n_listen = n;
	return 0;
}

int role_listen_fds(struct role_args *args, struct err *err)
{
	static char names[1024]; /* the environment's copy goes away; once in a process's life */
	const char *pid_text = getenv("LISTEN_PID");
	const char *n_text = getenv("LISTEN_FDS");
	const char *names_text = getenv("LISTEN_FDNAMES");
	int64_t pid, n;

	args->n_listen = 0;
	if (pid_text == NULL || n_text == NULL)
		return 0;
	if (!number_parse(pid_text, 1, INT32_MAX, &pid))
		return err_say(err, EINVAL, "LISTEN_PID: expected a number");
	if (pid != getpid())
		return 0; /* meant for a parent of ours */
	if (!number_parse(n_text, 0, ROLE_LISTEN_MAX, &n))
		return err_say(
			err, EINVAL, "LISTEN_FDS: expected a number from 0 to %d", ROLE_LISTEN_MAX);
	if (names_text != NULL && strlen(names_text) >= sizeof(names))
		return err_say(err, EINVAL, "LISTEN_FDNAMES: too long");
	(void)snprintf(names, sizeof(names), "%s", names_text != NULL ? names_text : "");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return adopt(args, (size_t)n, names, err);
}

int role_socket_path(
	const struct config *config, const char *name, char *ret, size_t size, struct err *err)
{
	const char *dir = config->socket_dir != NULL ? config->socket_dir : "sock";
	size_t state_len = strlen(config->state_dir);
	int n;

	if (strncmp(dir, config->state_dir, state_len) == 0 && dir[state_len] == '/')
		dir += state_len + 1;
	n = snprintf(ret, size, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= size)
		return err_say(err, ENAMETOOLONG, "socket path %s/%s: longer than %zu bytes", dir,
			name, size - 1);
	return 0;
}

/* ---- giving up rights ---------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
/*
 * The leak check at exit traces its own process, which the filter refuses: a role has the one or,
 * with DOCKGATE_LEAKS in its environment, the other.
 */
int __lsan_is_turned_off(void);
static int confined;

int __lsan_is_turned_off(void)
{
	return confined;
}

static int filter(enum role role, bool inet, struct err *err)
{
	if (getenv("DOCKGATE_LEAKS") != NULL)
		return 0;
	confined = 1;
	return role_filter_load(role, inet, err);
}
#else
static int filter(enum role role, bool inet, struct err *err)
{
	return role_filter_load(role, inet, err);
}
#endif

uid_t role_uid(enum role role, const struct config *config)
{
	const uid_t uids[ROLE_MAX_] = { config->gateway_uid, config->queue_uid, config->driver_uid,
		config->courier_uid };

	return uids[role];
}

gid_t role_gid(enum role role, const struct config *config)
{
	const gid_t gids[ROLE_MAX_] = { config->gateway_gid, config->queue_gid, config->driver_gid,
		config->courier_gid };

	return gids[role];
}

int role_make_directory(
	enum role role, const char *name, const struct config *config, struct err *err)
{
	int r = directory_make(name, 0700, err);

	if (r < 0)
		return r;
	if (geteuid() == 0 && lchown(name, role_uid(role, config), role_gid(role, config)) < 0)
		return err_set(
			err, errno, "give '%s' to user %u", name, (unsigned)role_uid(role, config));
	return 0;
}

static int drop_bounding(struct err *err)
{
	for (unsigned long cap = 0; cap <= CAPS_MAX; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			break; /* beyond the kernel's last */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_set(err, errno, "drop capability %lu", cap);
	}
	return 0;
}

static int become(uid_t uid, gid_t gid, gid_t extra_gid, struct err *err)
{
	size_t n = extra_gid != (gid_t)-1 ? 1 : 0;

	if (uid == 0 || gid == 0)
		return err_say(err, EPERM,
			"a role must not be root: its user and group need numbers above 0");
	if (n > 0 && extra_gid == 0)
		return err_say(err, EPERM,
			"Docker's socket belongs to group 0: give it a group of its own");
	if (drop_bounding(err) < 0)
		return -err->code;
	if (setgroups(n, &extra_gid) < 0)
		return err_set(err, errno, "setgroups");
	if (setresgid(gid, gid, gid) < 0)
		return err_set(err, errno, "setresgid %u", (unsigned)gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "setresuid %u", (unsigned)uid);
	return 0;
}

static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(err, errno, "clear ambient capabilities");
	/* Refused where systemd's filter is on; then there is none to give up, as is seen below. */
	if (syscall(SYS_capset, &head, data) < 0 && errno != EPERM)
		return err_set(err, errno, "capset");
	memset(data, 0xff, sizeof(data));
	if (syscall(SYS_capget, &head, data) < 0)
		return err_set(err, errno, "capget");
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].effective != 0 || data[i].permitted != 0 || data[i].inheritable != 0)
			return err_say(err, EPERM, "capabilities are still there");
	return 0;
}

/* Every way back is tried, and must fail. */
static int verify_no_way_back(struct err *err)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (setresuid(0, 0, 0) == 0 || setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ||
		setgroups(0, NULL) == 0)
		return err_say(err, EPERM, "the way back to root is open");
	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return err_set(err, errno, "getresuid");
	if (r == 0 || r != e || e != s || rg == 0 || rg != eg || eg != sg)
		return err_say(err, EPERM, "users are mixed: %u %u %u", (unsigned)r, (unsigned)e,
			(unsigned)s);
	return 0;
}

static int harden(struct err *err)
{
	const struct rlimit none = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "not dumpable");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_set(err, errno, "no core files");
	(void)umask(0077);
	return 0;
}

static bool docker_over_tcp(const struct config *config)
{
	const char *host =
		config->docker_host != NULL ? config->docker_host : getenv("DOCKER_HOST");

	return host != NULL && strncmp(host, "tcp://", 6) == 0;
}

/* Connects to what may be on another machine. */
static bool goes_out(enum role role, const struct config *config)
{
	return role == ROLE_COURIER || (role == ROLE_DRIVER && docker_over_tcp(config)) ||
	       (role == ROLE_QUEUE && config->database_file != NULL);
}

int role_confine(enum role role, const struct config *config, gid_t extra_gid, struct err *err)
{
	int r = 0;

	if ((size_t)role >= ROLE_MAX_)
		return err_say(err, EINVAL, "no such role");
	/* Setting uids clears PR_SET_PDEATHSIG, which the supervisor set for us. */
	int death_signal = 0;
	pid_t parent = getppid();
	(void)prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	if (geteuid() == 0)
		r = become(role_uid(role, config), role_gid(role, config), extra_gid, err);
	if (r == 0)
		r = drop_capabilities(err);
	if (r == 0)
		r = verify_no_way_back(err);
	if (r == 0)
		r = harden(err);
	if (r == 0 && death_signal != 0) {
		(void)prctl(PR_SET_PDEATHSIG, (unsigned long)death_signal, 0, 0, 0);
		if (getppid() != parent)
			r = err_say(err, ECHILD, "the supervisor ended");
	}
	if (r == 0)
		r = filter(role, goes_out(role, config), err);
	return r < 0 ? err_wrap(err, "give up rights of %s", role_name(role)) : 0;
}

/* ---- failing ---------------------------------------------------------------------- */

int role_exit_code(int r)
{
	return err_is_shortage(-r) ? EXIT_FAILURE : EX_CONFIG;
}

/* ---- readiness --------------------------------------------------------------------- */

static void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = -EBADF;
	size_t n;

	if (path == NULL || (*path != '/' && *path != '@'))
		return;
	n = strlen(path);
	if (n >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, n);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

void role_ready(void)
{
	notify("READY=1");
}

void role_stopping(int most_s)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64,
		(int64_t)most_s * 1000000);
	notify(text);
}

void role_alive(void)
{
	notify("WATCHDOG=1");
}

int64_t role_watchdog_us(void)
{
	const char *us_text = getenv("WATCHDOG_USEC");
	const char *pid_text = getenv("WATCHDOG_PID");
	int64_t us, pid;

	if (us_text == NULL || !number_parse(us_text, 1, INT64_MAX, &us))
		return 0;
	if (pid_text != NULL && (!number_parse(pid_text, 1, INT32_MAX, &pid) || pid != getpid()))
		return 0; /* meant for a parent of ours */
	return us;
}
