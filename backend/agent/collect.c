/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "common/cleanup.h"
#include "glob.h"
#include "policy.h"
#include "rights.h"
#include "wire/pack.h"

#define DEPTH_MAX   32
#define ENTRIES_MAX 100000
#define SKIPPED_MAX 1000 /* more are not told one by one */
/* For comparing names with globs: both are a stranger's, and the job's clock has stopped. */
#define MATCH_US_MAX 3000000

struct collector {
	int sock;
	const struct collect_order *order;
	uint32_t files, skipped, entries;
	uint64_t bytes;
	int64_t match_us;
	bool enough;                     /* the rest is not looked at */
	char name[FRAME_NAME_MAX + 256]; /* of where the walk stands */
	uint8_t message[FRAME_HEADER + FRAME_PAYLOAD_MAX];
};

/* A message is a byte for the frame's type, then its payload. */
static void send_message(struct collector *c, enum frame_type type, size_t len)
{
	c->message[0] = (uint8_t)type;
	while (send(c->sock, c->message, 1 + len, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(1);
}

static void send_got(struct collector *c, const struct stat *st)
{
	struct packer p = packer_fixed(c->message + 1, FRAME_PAYLOAD_MAX);

	pack_str(&p, c->name);
	pack_u64(&p, (uint64_t)st->st_size);
	pack_u8(&p, (st->st_mode & S_IXUSR) != 0);
	send_message(c, FRAME_GOT_FILE, p.len);
}

static void send_skipped(struct collector *c, const char *reason)
{
	struct packer p = packer_fixed(c->message + 1, FRAME_PAYLOAD_MAX);

	if (c->skipped > SKIPPED_MAX)
		return;
	if (c->skipped++ == SKIPPED_MAX)
		reason = "and more that were left out";
	if (strlen(c->name) >= FRAME_NAME_MAX) {
		c->name[FRAME_NAME_MAX - 1] = '\0';
		reason = "name too long";
	}
	pack_str(&p, c->name);
	pack_str(&p, reason);
	send_message(c, FRAME_SKIPPED, p.len);
}

/* Processor time of this process. */
static int64_t cpu_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static bool wanted(struct collector *c, bool (*match)(const char *pattern, const char *name))
{
	int64_t before = cpu_us();
	bool found = false;

	for (uint32_t i = 0; !found && i < c->order->n; i++)
		found = match(c->order->globs[i], c->name);
	c->match_us += cpu_us() - before;
	return found;
}

/* Sends exactly what was announced; a file that became shorter ends the collector. */
static void send_bytes(struct collector *c, int fd, uint64_t left)
{
	while (left > 0) {
		size_t want = left < FRAME_PAYLOAD_MAX ? (size_t)left : FRAME_PAYLOAD_MAX;
		ssize_t n = read(fd, c->message + 1, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		send_message(c, FRAME_GOT_DATA, (size_t)n);
		left -= (uint64_t)n;
	}
}

static const char *kind_reason(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "symbolic link";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "not a regular file";
	}
}

/* Why a file of that state is not taken, NULL when it is. */
static const char *refusal(const struct collector *c, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return kind_reason(st->st_mode);
	if (st->st_nlink != 1)
		return "hard link";
	if (strlen(c->name) >= FRAME_NAME_MAX)
		return "name too long";
	if (c->files >= c->order->files_max)
		return "too many files";
	if ((uint64_t)st->st_size > c->order->bytes_max - c->bytes)
		return "too large";
	return NULL;
}

/* What cannot be opened for want of something of ours is not left out: the job is tried again. */
static const char *open_refusal(int code)
{
	if (code == EMFILE || code == ENFILE || code == EIO)
		_exit(1);
	return strerror(code);
}

static void take_file(struct collector *c, int dir, const char *entry)
{
	cleanup_close int fd = -1;
	const char *reason;
	struct stat st;

	/* Looked at first: a fifo's or a device's open is not without effect. */
	if (fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		send_skipped(c, strerror(errno));
		return;
	}
	reason = refusal(c, &st);
	if (reason == NULL) {
		fd = beneath_open(dir, entry, O_RDONLY, 0);
		if (fd < 0)
			reason = open_refusal(-fd);
		else if (fstat(fd, &st) < 0)
			reason = strerror(errno);
		else
			reason = refusal(c, &st);
	}
	if (reason != NULL) {
		send_skipped(c, reason);
		return;
	}
	c->files++;
	c->bytes += (uint64_t)st.st_size;
	send_got(c, &st);
	send_bytes(c, fd, (uint64_t)st.st_size);
}

static void walk(struct collector *c, int fd, unsigned int depth);

static void walk_down(struct collector *c, int dir, const char *entry, unsigned int depth)
{
	int fd;

	if (depth >= DEPTH_MAX) {
		send_skipped(c, "too deep");
		return;
	}
	fd = beneath_open(dir, entry, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		send_skipped(c, fd == -EXDEV ? "another file system" : open_refusal(-fd));
	else
		walk(c, fd, depth + 1);
}

static bool is_directory(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void visit(struct collector *c, int dir, const struct dirent *entry, unsigned int depth)
{
	size_t len = strlen(c->name), n = strlen(entry->d_name);

	/* d_name is at most 255 bytes, and a name that is full is not walked further. */
	if (len + 1 + n >= sizeof(c->name))
		return;
	if (len > 0)
		c->name[len] = '/';
	memcpy(c->name + len + (len > 0 ? 1 : 0), entry->d_name, n + 1);
	if (!is_directory(dir, entry)) {
		if (wanted(c, glob_match))
			take_file(c, dir, entry->d_name);
	} else if (wanted(c, glob_match_below)) {
		walk_down(c, dir, entry->d_name, depth);
	}
	c->name[len] = '\0';
}

/* Says so once. */
static bool has_enough(struct collector *c)
{
	if (c->enough)
		return true;
	c->enough = ++c->entries > ENTRIES_MAX || c->match_us > MATCH_US_MAX;
	if (c->enough)
		send_skipped(c, "too many entries");
	return c->enough;
}

/* Takes the descriptor. */
static void walk(struct collector *c, int fd, unsigned int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	bool empty = true;

	if (dir == NULL) {
		(void)close(fd);
		send_skipped(c, strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		empty = false;
		if (has_enough(c))
			break;
		visit(c, fd, entry, depth);
	}
	/* No file's name would bring it back. */
	if (empty && c->order->copy && c->name[0] != '\0')
		send_skipped(c, "empty directory");
	(void)closedir(dir);
}

/* What a job made of the mode of its own directory is no reason to lose its result. */
static int open_workspace(int workspace)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, fd = openat(workspace, ".", flags);
	char path[32];

	if (fd >= 0 || errno != EACCES)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", workspace);
	return chmod(path, 0700) < 0 ? -1 : openat(workspace, ".", flags);
}

static _Noreturn void collector_main(
	int sock, const struct prepare_order *job, int workspace, const struct collect_order *order)
{
	static struct collector c;
	int dir;

	c.sock = sock;
	c.order = order;
	if (rights_become_job(job->job_uid) < 0 || policy_load(POLICY_JOB) < 0)
		_exit(2);
	dir = open_workspace(workspace);
	if (dir < 0)
		_exit(3);
	walk(&c, dir, 0);
	_exit(0);
}

int collect_fork(const struct prepare_order *job, int workspace, const struct collect_order *order,
	int *ret_sock, pid_t *ret_pid, struct err *err)
{
	cleanup_close int near = -1, far = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	near = pair[0];
	far = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork the collector");
	if (pid == 0) {
		int none = open("/dev/null", O_RDWR | O_CLOEXEC);

		/* The driver's stream is the agent's alone. */
		(void)dup3(none, STDIN_FILENO, O_CLOEXEC);
		(void)dup3(none, STDOUT_FILENO, O_CLOEXEC);
		(void)close(near);
		collector_main(far, job, workspace, order);
	}
	if (fcntl(near, F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, errno, "O_NONBLOCK");
	*ret_sock = TAKE_FD(near);
	*ret_pid = pid;
	return 0;
}
