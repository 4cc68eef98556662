/* SPDX-License-Identifier: MIT */
#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "wire/proc_masks.h"

/* sys/mount.h and linux/mount.h cannot be had together everywhere. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int umount2(const char *target, int flags);
#define DETACH 2 /* MNT_DETACH */

/* Where the new root stands while it is made: a directory that every container has. */
#define ROOT "/tmp"
/* An empty directory of the tree until a job's own covers it. */
#define EMPTY "/dev/shm"

static int make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
		return err_set(err, errno, "make %s", path);
	return 0;
}

static int make_file(const char *path, mode_t mode, struct err *err)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	return fd < 0 ? err_set(err, errno, "make %s", path) : 0;
}

static int bind_to(const char *from, const char *to, struct err *err)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_set(err, errno, "bind %s", from);
	return 0;
}

static int mount_tmpfs(const char *path, const char *options, struct err *err)
{
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID, options) < 0)
		return err_set(err, errno, "mount a tmpfs on %s", path);
	return 0;
}

static bool is_empty_dir(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = dir != NULL;

	while (empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		(void)closedir(dir);
	return empty;
}

static int copy_link(const char *from, const char *to, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(err, errno, "read %s", from);
	target[n] = '\0';
	return symlink(target, to) < 0 ? err_set(err, errno, "make %s", to) : 0;
}

/* One name of the image's root. What is empty there is made anew: that saves a mount. */
static int take_entry(const char *name, dev_t device, struct err *err)
{
	char from[NAME_MAX + 2], to[NAME_MAX + sizeof(ROOT) + 2];
	struct stat st;
	int r;

	(void)snprintf(from, sizeof(from), "/%s", name);
	(void)snprintf(to, sizeof(to), ROOT "/%s", name);
	if (lstat(from, &st) < 0)
		return err_set(err, errno, "%s", from);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, err);
	if (S_ISDIR(st.st_mode)) {
		r = make_dir(to, st.st_mode & 07777, err);
		if (r < 0 || (st.st_dev == device && is_empty_dir(from)))
			return r;
	} else if (S_ISREG(st.st_mode)) {
		r = make_file(to, st.st_mode & 0777, err);
		if (r < 0 || (st.st_dev == device && st.st_size == 0))
			return r;
	} else {
		return 0; /* a device or a socket in the image's root: nobody's business */
	}
	return bind_to(from, to, err);
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = { ".", "..", "proc", "sys", "dev", "tmp", "workspace",
		"dockgate" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return false;
}

static int take_image(struct err *err)
{
	DIR *dir = opendir("/");
	const struct dirent *entry;
	struct stat st;
	int r = 0;

	if (dir == NULL || fstat(dirfd(dir), &st) < 0)
		r = err_set(err, errno, "read /");
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (!is_ours(entry->d_name))
			r = take_entry(entry->d_name, st.st_dev, err);
	if (dir != NULL)
		(void)closedir(dir);
	return r;
}

static int make_dev(struct err *err)
{
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom" };
	static const char *const links[][2] = { { "/proc/self/fd", ROOT "/dev/fd" },
		{ "/proc/self/fd/0", ROOT "/dev/stdin" }, { "/proc/self/fd/1", ROOT "/dev/stdout" },
		{ "/proc/self/fd/2", ROOT "/dev/stderr" } };
	int r = make_dir(ROOT "/dev", 0755, err);

	if (r == 0)
		r = make_dir(ROOT EMPTY, 01777, err);
	for (size_t i = 0; r == 0 && i < sizeof(devices) / sizeof(devices[0]); i++) {
		char from[32], to[32];

		(void)snprintf(from, sizeof(from), "/dev/%s", devices[i]);
		(void)snprintf(to, sizeof(to), ROOT "/dev/%s", devices[i]);
		r = make_file(to, 0666, err);
		if (r == 0)
			r = bind_to(from, to, err);
	}
	for (size_t i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			r = err_set(err, errno, "make %s", links[i][1]);
	return r;
}

/* Of /sys what runtimes count processors with, and nothing that has a cgroup in it. */
static int make_sys(struct err *err)
{
	int r = make_dir(ROOT "/sys", 0755, err);

	if (r < 0 || access("/sys/devices/system", F_OK) < 0)
		return r;
	r = make_dir(ROOT "/sys/devices", 0755, err);
	if (r == 0)
		r = make_dir(ROOT "/sys/devices/system", 0755, err);
	return r < 0 ? r : bind_to("/sys/devices/system", ROOT "/sys/devices/system", err);
}

static int make_tree(struct err *err)
{
	static const struct {
		const char *path;
		mode_t mode;
	} dirs[] = { { ROOT "/proc", 0555 }, { ROOT "/workspace", 0700 }, { ROOT "/tmp", 01777 } };
	int r = mount_tmpfs(ROOT, "mode=0755,size=256k,nr_inodes=512", err);

	if (r == 0)
		r = take_image(err);
	for (size_t i = 0; r == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		r = make_dir(dirs[i].path, dirs[i].mode, err);
	/* The kernel lets jobs mount theirs only where one is seen that hides nothing. */
	if (r == 0)
		r = bind_to("/proc", ROOT "/proc", err);
	if (r == 0)
		r = make_dev(err);
	return r < 0 ? r : make_sys(err);
}

static int make_read_only(struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	if (syscall(SYS_mount_setattr, AT_FDCWD, ROOT, AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_set(err, errno, "make the image read-only");
	return 0;
}

static int enter(struct err *err)
{
	if (chdir(ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", DETACH) < 0 ||
		chdir("/") < 0)
		return err_set(err, errno, "enter the new root");
	return 0;
}

/*
 * What nobody but root may read needs no cover: the job is another user without
 * a right, and each cover is a mount for every job.
 */
static void find_masks(struct base *base)
{
	_Static_assert(PROC_MASKS <= 32, "more paths than bits");
	for (size_t i = 0; i < PROC_MASKS; i++) {
		struct stat st;

		if (fstatat(base->proc_fd, proc_masks[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			(st.st_mode & 0007) == 0)
			continue;
		base->masks |= UINT32_C(1) << i;
		if (S_ISDIR(st.st_mode))
			base->mask_dirs |= UINT32_C(1) << i;
	}
}

int base_build(struct base *ret, struct err *err)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (proc < 0)
		return err_set(err, errno, "/proc");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = err_set(err, errno, "make mounts private");
	if (r == 0)
		r = make_tree(err);
	if (r == 0)
		r = make_read_only(err);
	if (r == 0)
		r = enter(err);
	if (r < 0) {
		(void)close(proc);
		return r;
	}
	*ret = (struct base){ .proc_fd = proc };
	find_masks(ret);
	return 0;
}

int base_mask_proc(const struct base *base, struct err *err)
{
	for (size_t i = 0; i < PROC_MASKS; i++) {
		char path[64];

		if ((base->masks >> i & 1) == 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s", proc_masks[i]);
		if (mount((base->mask_dirs >> i & 1) != 0 ? EMPTY : "/dev/null", path, NULL,
			    MS_BIND, NULL) < 0)
			return err_set(err, errno, "cover %s", path);
	}
	return 0;
}
