/* SPDX-License-Identifier: MIT */
/* Traces in file systems. */
#include "hostile.h"

#include <sys/statfs.h>

#include "traces.h"

#define SHM      "/dev/shm/left"
#define FILES    100
#define BIG      (8 * MIB)
#define LONG_AGO 1000000000
#define ODD_MODE 0750

/*
 * A name without a slash is one in the workspace. Of the image and of a mount that all may write to
 * there is nothing without a cage: another place takes theirs.
 */
static const char *path_of(const char *name, char path[static 80])
{
	if (name[0] != '/') {
		(void)snprintf(path, 80, "%s/%s", trace_workspace(), name);
		return path;
	}
	if ((strncmp(name, "/open/", 6) == 0 && access("/open", F_OK) < 0) ||
		(strncmp(name, "/data/", 6) == 0 && access("/data", F_OK) < 0)) {
		(void)snprintf(path, 80, "/var/tmp/%.4s", name + 1);
		return path;
	}
	return name;
}

static void leave_file(const char *name)
{
	char path[80];

	(void)make_file(path_of(name, path), "left", 4);
}

static bool found_file(const char *name)
{
	char path[80];
	struct stat st;

	return lstat(path_of(name, path), &st) == 0;
}

static void leave_fifo(const char *path)
{
	(void)mkfifo(path, 0666);
}

static void leave_link(const char *path)
{
	if (symlink("/etc/shadow", path) < 0)
		errno = 0;
}

static void leave_mode(const char *arg)
{
	(void)arg;
	(void)chmod(trace_workspace(), ODD_MODE);
}

static bool found_mode(const char *arg)
{
	struct stat st;

	(void)arg;
	return stat(trace_workspace(), &st) == 0 && (st.st_mode & 07777) == ODD_MODE;
}

static void leave_times(const char *arg)
{
	const struct timespec times[] = { { .tv_sec = LONG_AGO }, { .tv_nsec = UTIME_OMIT } };

	(void)arg;
	(void)utimensat(AT_FDCWD, trace_workspace(), times, 0);
}

static bool found_times(const char *arg)
{
	struct stat st;

	(void)arg;
	return stat(trace_workspace(), &st) == 0 && st.st_atim.tv_sec == LONG_AGO;
}

/* A file without a name, which whoever goes on running holds. */
static void leave_bytes(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)unlink(path);
	(void)fallocate(fd, 0, 0, BIG);
}

static bool found_bytes(const char *path)
{
	struct statfs fs;

	(void)path;
	return statfs("/tmp", &fs) == 0 &&
	       (fs.f_blocks - fs.f_bfree) * (unsigned long)fs.f_bsize >= BIG;
}

static void leave_inodes(const char *arg)
{
	char path[80];

	(void)arg;
	for (int i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), SHM ".%d", i);
		(void)make_file(path, "", 0);
	}
}

static bool found_inodes(const char *arg)
{
	struct statfs fs;

	(void)arg;
	return statfs("/dev/shm", &fs) == 0 && fs.f_files - fs.f_ffree >= FILES;
}

static void leave_mount(const char *path)
{
	(void)mkdir(path, 0777);
	(void)mount("left", path, "tmpfs", 0, NULL);
}

static bool found_mount(const char *path)
{
	(void)path;
	return trace_file_has("/proc/self/mounts", "left ");
}

static const char *const cgroups[] = { "/sys/fs/cgroup/left", "/sys/fs/cgroup/memory/left",
	"/sys/fs/cgroup/pids/left", "/sys/fs/cgroup/systemd/left" };

static void leave_cgroup(const char *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++)
		if (mkdir(cgroups[i], 0755) == 0)
			return;
}

/* Found, it goes: without a cage it is the host's. */
static bool found_cgroup(const char *arg)
{
	bool found = false;

	(void)arg;
	for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++)
		found = rmdir(cgroups[i]) == 0 || found;
	return found;
}

const struct trace traces_files[] = {
	{ "a file in the workspace", leave_file, found_file, "left", NULL },
	{ "what a shell reads at its start", leave_file, found_file, ".bashrc", NULL },
	{ "a file in /tmp", leave_file, found_file, "/tmp/left", NULL },
	{ "a file in the image", leave_file, found_file, "/open/left", NULL },
	{ "a file in a mount", leave_file, found_file, "/data/left", NULL },
	{ "shared memory by name", leave_file, found_file, SHM, NULL },
	{ "a semaphore by name", leave_file, found_file, "/dev/shm/sem.left", NULL },
	{ "a fifo", leave_fifo, found_file, "/tmp/left.fifo", NULL },
	{ "a link", leave_link, found_file, "/tmp/left.link", NULL },
	{ "bytes of a tmpfs", leave_bytes, found_bytes, "/tmp/left.bytes", NULL },
	{ "inodes of a tmpfs", leave_inodes, found_inodes, NULL, NULL },
	{ "a mount", leave_mount, found_mount, SHM ".mount", NULL },
	{ "a cgroup", leave_cgroup, found_cgroup, NULL, NULL },
	{ "a directory's mode", leave_mode, found_mode, NULL, NULL },
	{ "a directory's times", leave_times, found_times, NULL, NULL },
	{ 0 },
};
