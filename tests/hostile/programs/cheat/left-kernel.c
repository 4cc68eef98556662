/* SPDX-License-Identifier: MIT */
/* Traces in the kernel: objects with a name of their own, settings, locks. */
#include "hostile.h"

#include <dirent.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/utsname.h>

#include "traces.h"

#define KEY   0x6c656674
#define PORT  47123
#define VALUE "77"
/* Years that no machine has been up. */
#define YEARS 315360000L

/* --- shared memory, semaphores, messages ----------------------------------- */

static long ipc_get(const char *what, int flags)
{
	if (strcmp(what, "queue") == 0)
		return syscall(SYS_mq_open, "left", O_RDWR | O_CLOEXEC | (flags != 0 ? O_CREAT : 0),
			0600, NULL);
	if (strcmp(what, "msg") == 0)
		return syscall(SYS_msgget, KEY, flags | 0600);
	if (strcmp(what, "sem") == 0)
		return syscall(SYS_semget, KEY, 1, flags | 0600);
	return syscall(SYS_shmget, KEY, 4096, flags | 0600);
}

static void leave_ipc(const char *what)
{
	(void)ipc_get(what, IPC_CREAT);
}

static bool found_ipc(const char *what)
{
	return ipc_get(what, 0) >= 0;
}

/* --- keys ------------------------------------------------------------------ */

static int ring_of(const char *name)
{
	if (strcmp(name, "left by session") == 0)
		return KEY_SPEC_SESSION_KEYRING;
	return strcmp(name, "left by user") == 0 ? KEY_SPEC_USER_KEYRING
						 : KEY_SPEC_USER_SESSION_KEYRING;
}

static void leave_key(const char *name)
{
	(void)syscall(SYS_add_key, "user", name, "x", 1L, ring_of(name));
}

/* Found, it goes: without a cage the users' are the host's. */
static bool found_key(const char *name)
{
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, ring_of(name), "user", name, 0);

	if (key > 0)
		(void)syscall(SYS_keyctl, KEYCTL_UNLINK, key, ring_of(name));
	return key > 0;
}

/* --- sockets --------------------------------------------------------------- */

static int socket_of(const char *what, bool using)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0left" };
	struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	bool stream = strcmp(what, "datagram") != 0 && strcmp(what, "udp") != 0;
	bool inet = strcmp(what, "tcp") == 0 || strcmp(what, "udp") == 0;
	int fd = socket(
		inet ? AF_INET : AF_UNIX, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	int r;

	if (strcmp(what, "path") == 0)
		(void)strcpy(name.sun_path, "/tmp/left.socket");
	else if (!stream)
		name.sun_path[1] = 'L';
	if (using && strcmp(what, "path") == 0)
		r = connect(fd, (struct sockaddr *)&name, sizeof(name));
	else if (inet)
		r = bind(fd, (struct sockaddr *)&port, sizeof(port));
	else
		r = bind(fd, (struct sockaddr *)&name,
			name.sun_path[0] == '\0' ? sizeof(sa_family_t) + 5 : sizeof(name));
	if (r == 0 && !using && stream)
		(void)listen(fd, 1);
	if (using && fd >= 0)
		(void)close(fd);
	return r;
}

/* Whoever goes on running holds it. */
static void leave_socket(const char *what)
{
	(void)socket_of(what, false);
}

static bool found_socket(const char *what)
{
	int r = socket_of(what, true);

	return strcmp(what, "path") == 0 ? r == 0 : r < 0 && errno == EADDRINUSE;
}

/* --- names and settings ---------------------------------------------------- */

static void leave_name(const char *what)
{
	if ((what[0] == 'h' ? sethostname("left", 4) : setdomainname("left", 4)) < 0)
		errno = 0;
}

static bool found_name(const char *what)
{
	struct utsname names;

	return uname(&names) == 0 &&
	       strcmp(what[0] == 'h' ? names.nodename : names.domainname, "left") == 0;
}

static void leave_setting(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	put(fd, VALUE, 2);
	(void)close(fd);
}

static bool found_setting(const char *path)
{
	char text[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	(void)close(fd);
	return n > 0 && strcmp(text, VALUE "\n") == 0;
}

/* --- locks on what all jobs of an image see -------------------------------- */

static int lock_of(const char *what, bool trying)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct flock all = { .l_type = trying ? F_WRLCK : F_RDLCK };

	if (strcmp(what, "flock") == 0)
		return flock(fd, LOCK_EX | LOCK_NB);
	if (fcntl(fd, trying ? F_OFD_GETLK : F_OFD_SETLK, &all) < 0 || !trying)
		return 0;
	errno = EWOULDBLOCK;
	return all.l_type == F_UNLCK ? 0 : -1;
}

static void leave_lock(const char *what)
{
	(void)lock_of(what, false);
}

static bool found_lock(const char *what)
{
	return lock_of(what, true) < 0 && errno == EWOULDBLOCK;
}

/* Only a file's owner gets one, of whose file nobody writes to. */
static void leave_lease(const char *path)
{
	(void)make_file(path, "left", 4);
	(void)fcntl(open(path, O_RDONLY | O_CLOEXEC), F_SETLEASE, F_RDLCK);
}

static bool found_lease(const char *path)
{
	(void)path;
	return trace_file_has("/proc/locks", "LEASE");
}

/* --- memory without a name, seen in a process that has it ------------------ */

static void leave_memfd(const char *name)
{
	(void)memfd_create(name, MFD_CLOEXEC);
}

static bool in_process(const char *pid, const char *name)
{
	char path[300], link[300] = "";
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		found = strncmp(link, "/memfd:", 7) == 0 &&
			strncmp(link + 7, name, strlen(name)) == 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

static bool found_memfd(const char *name)
{
	const struct dirent *entry;
	bool found = false;
	DIR *dir = opendir("/proc");

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			in_process(entry->d_name, name);
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* --- the clock of a time namespace, which those have that are started next -- */

static void leave_clock(const char *arg)
{
	char text[64];
	int fd;

	(void)arg;
	if (unshare(CLONE_NEWTIME) < 0)
		return;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	put(fd, text, (size_t)snprintf(text, sizeof(text), "monotonic %ld 0", YEARS));
	(void)close(fd);
}

static bool found_clock(const char *arg)
{
	struct timespec now;

	(void)arg;
	return clock_gettime(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec >= YEARS;
}

const struct trace traces_kernel[] = {
	{ "System V shared memory", leave_ipc, found_ipc, "shm", NULL },
	{ "System V semaphores", leave_ipc, found_ipc, "sem", NULL },
	{ "System V messages", leave_ipc, found_ipc, "msg", NULL },
	{ "a message queue", leave_ipc, found_ipc, "queue", "/proc/sys/fs/mqueue" },
	{ "a key of the session", leave_key, found_key, "left by session", NULL },
	{ "a key of the user", leave_key, found_key, "left by user", NULL },
	{ "a key of the user's sessions", leave_key, found_key, "left by the user's session",
		NULL },
	{ "an abstract name", leave_socket, found_socket, "stream", NULL },
	{ "an abstract name of datagrams", leave_socket, found_socket, "datagram", NULL },
	{ "a listener in /tmp", leave_socket, found_socket, "path", NULL },
	{ "a port of TCP", leave_socket, found_socket, "tcp", NULL },
	{ "a port of UDP", leave_socket, found_socket, "udp", NULL },
	{ "a host's name", leave_name, found_name, "host", NULL },
	{ "a domain's name", leave_name, found_name, "domain", NULL },
	{ "a setting for messages", leave_setting, found_setting, "/proc/sys/kernel/msgmni", NULL },
	{ "a setting for queues", leave_setting, found_setting, "/proc/sys/fs/mqueue/queues_max",
		"/proc/sys/fs/mqueue" },
	{ "a setting of the network", leave_setting, found_setting,
		"/proc/sys/net/ipv4/ip_default_ttl", NULL },
	{ "a lock on the image", leave_lock, found_lock, "flock", NULL },
	{ "a lock on a part of a file", leave_lock, found_lock, "range", NULL },
	{ "a lease", leave_lease, found_lease, "/tmp/left.lease", NULL },
	{ "memory without a name", leave_memfd, found_memfd, "left", NULL },
	{ "another clock", leave_clock, found_clock, NULL, "/proc/self/ns/time" },
	{ 0 },
};
