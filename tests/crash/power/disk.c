/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_parts.h"

static struct {
	bool on;
	struct disk_plan plan;
	uint64_t operations;
	STAILQ_HEAD(, disk_file) files;
	struct disk_file *root;
} disk;

/* Held by whoever cuts until the process has ended: nothing is acknowledged after the image. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void disk_fail(const char *what)
{
	(void)fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
	_exit(98);
}

bool disk_is_on(void)
{
	return disk.on;
}

static bool enter(void)
{
	if (!disk.on)
		return false;
	(void)pthread_mutex_lock(&lock);
	return true;
}

static void leave(void)
{
	(void)pthread_mutex_unlock(&lock);
}

static _Noreturn void cut(void)
{
	disk_image(disk.root, disk.plan.image, disk.plan.seed);
	_exit(DISK_CUT);
}

void disk_cut(void)
{
	(void)pthread_mutex_lock(&lock);
	cut();
}

/* Of everything that may change what is on the disk. */
static void operation(void)
{
	if (++disk.operations == disk.plan.cut_at)
		cut();
}

/* --- files --- */

static struct disk_file *find(ino_t ino)
{
	struct disk_file *file;

	STAILQ_FOREACH (file, &disk.files, next)
		if (file->ino == ino)
			return file;
	return NULL;
}

/* Takes the descriptor. */
static struct disk_file *add(int fd)
{
	struct disk_file *file = calloc(1, sizeof(*file));
	struct stat st;

	if (file == NULL || fd < 0 || fstat(fd, &st) < 0)
		disk_fail("look at a file");
	file->ino = st.st_ino;
	file->fd = fd;
	file->is_directory = S_ISDIR(st.st_mode);
	STAILQ_INIT(&file->changes);
	STAILQ_INIT(&file->names);
	STAILQ_INIT(&file->new_names);
	STAILQ_INSERT_TAIL(&disk.files, file, next);
	return file;
}

static struct disk_file *of_fd(int fd)
{
	char path[64];
	struct disk_file *file;
	struct stat st;

	if (fstat(fd, &st) < 0)
		disk_fail("look at a descriptor");
	file = find(st.st_ino);
	if (file != NULL)
		return file;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return add(open(path, O_RDONLY | O_CLOEXEC));
}

static struct disk_file *of_path(const char *path)
{
	struct disk_file *file;
	struct stat st;

	if (stat(path, &st) < 0)
		disk_fail(path);
	file = find(st.st_ino);
	return file != NULL ? file : add(open(path, O_RDONLY | O_CLOEXEC));
}

/* The directory that has a path's last name, and that name. */
static struct disk_file *parent_of(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[256];

	if (slash == NULL) {
		*ret_name = path;
		return disk.root;
	}
	*ret_name = slash + 1;
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return of_path(dir);
}

uint8_t *disk_read(const struct disk_file *file, size_t *ret_size)
{
	struct stat st;
	uint8_t *data;
	size_t size, at = 0;

	if (fstat(file->fd, &st) < 0)
		disk_fail("look at a file");
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	while (data != NULL && at < size) {
		ssize_t n = pread(file->fd, data + at, size - at, (off_t)at);

		if (n <= 0)
			disk_fail("read a file");
		at += (size_t)n;
	}
	if (data == NULL)
		disk_fail("memory");
	*ret_size = size;
	return data;
}

void disk_resize(uint8_t **data, size_t *size, size_t to)
{
	uint8_t *grown = realloc(*data, to + 1);

	if (grown == NULL)
		disk_fail("memory");
	if (to > *size)
		memset(grown + *size, 0, to - *size);
	*data = grown;
	*size = to;
}

static struct disk_change *new_change(struct disk_file *file, size_t n)
{
	struct disk_change *change = calloc(1, sizeof(*change) + n);

	if (change == NULL)
		disk_fail("memory");
	change->n = n;
	STAILQ_INSERT_TAIL(&file->changes, change, next);
	return change;
}

static void settle(struct disk_file *file)
{
	struct disk_change *change;

	if (!file->is_told) {
		free(file->data);
		file->data = disk_read(file, &file->size);
	}
	while ((change = STAILQ_FIRST(&file->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&file->changes, next);
		if (change->is_size || change->offset + change->n > file->size)
			disk_resize(&file->data, &file->size, change->offset + change->n);
		memcpy(file->data + change->offset, change->data, change->n);
		free(change);
	}
}

/* --- names --- */

void disk_name(struct disk_entries *names, const char *name, struct disk_file *file)
{
	struct disk_entry *entry;

	STAILQ_FOREACH (entry, names, next)
		if (strcmp(entry->name, name) == 0)
			break;
	if (entry == NULL) {
		entry = calloc(1, sizeof(*entry));
		if (entry == NULL || strlen(name) >= sizeof(entry->name))
			disk_fail("a name");
		(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
		STAILQ_INSERT_TAIL(names, entry, next);
	}
	entry->file = file;
}

static void settle_names(struct disk_file *dir)
{
	struct disk_entry *entry;

	while ((entry = STAILQ_FIRST(&dir->new_names)) != NULL) {
		STAILQ_REMOVE_HEAD(&dir->new_names, next);
		disk_name(&dir->names, entry->name, entry->file);
		free(entry);
	}
}

static void rename_in(struct disk_file *dir, const char *name, struct disk_file *file)
{
	struct disk_entries one = STAILQ_HEAD_INITIALIZER(one);

	disk_name(&one, name, file);
	if (file != NULL)
		file->is_spool = strcmp(name, "spool") == 0;
	STAILQ_CONCAT(&dir->new_names, &one);
	operation();
}

/* --- what happens --- */

static void load(struct disk_file *dir)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct disk_file *file;

	if (entries == NULL)
		disk_fail("read a directory");
	while ((entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		file = add(openat(dir->fd, entry->d_name, O_RDONLY | O_CLOEXEC));
		disk_name(&dir->names, entry->d_name, file);
		file->is_spool = strcmp(entry->d_name, "spool") == 0;
		if (file->is_directory)
			load(file);
		else
			file->data = disk_read(file, &file->size);
	}
	(void)closedir(entries);
}

void disk_start(const struct disk_plan *plan)
{
	disk.plan = *plan;
	STAILQ_INIT(&disk.files);
	disk.root = add(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	load(disk.root);
	disk.on = true;
}

void disk_made(const char *path)
{
	const char *name;
	struct disk_file *dir;

	if (!enter())
		return;
	dir = parent_of(path, &name);
	rename_in(dir, name, of_path(path));
	leave();
}

void disk_made_directory(const char *path)
{
	disk_made(path);
}

void disk_removed(const char *path)
{
	const char *name;
	struct disk_file *dir;

	if (!enter())
		return;
	dir = parent_of(path, &name);
	rename_in(dir, name, NULL);
	leave();
}

struct disk_file *disk_file_at(const char *path)
{
	struct disk_file *file;

	if (!enter())
		return NULL;
	file = of_path(path);
	file->is_told = true;
	leave();
	return file;
}

void disk_wrote(struct disk_file *file, uint64_t offset, const void *data, size_t n)
{
	struct disk_change *change;

	if (file == NULL || !enter())
		return;
	change = new_change(file, n);
	change->offset = offset;
	memcpy(change->data, data, n);
	operation();
	leave();
}

void disk_sized(struct disk_file *file, uint64_t size)
{
	struct disk_change *change;

	if (file == NULL || !enter())
		return;
	change = new_change(file, 0);
	change->is_size = true;
	change->offset = size;
	operation();
	leave();
}

static void synced(struct disk_file *file, unsigned lie)
{
	operation();
	if ((disk.plan.lies & lie) != 0)
		return;
	if (file->is_directory)
		settle_names(file);
	else
		settle(file);
}

void disk_synced(struct disk_file *file)
{
	if (file == NULL || !enter())
		return;
	synced(file, DISK_NO_SYNC_OF_DATABASE);
	leave();
}

void disk_synced_directory_of(const char *path)
{
	const char *name;

	if (!enter())
		return;
	synced(parent_of(path, &name), DISK_NO_SYNC_OF_DIRECTORIES);
	leave();
}

void disk_synced_fd(int fd)
{
	struct disk_file *file;

	if (!enter())
		return;
	file = of_fd(fd);
	if (!file->is_directory)
		synced(file, DISK_NO_SYNC_OF_FILE);
	else
		synced(file, file->is_spool ? DISK_NO_SYNC_OF_SPOOL : DISK_NO_SYNC_OF_DIRECTORIES);
	leave();
}

void disk_linked(int fd, int dir_fd, const char *name)
{
	if (!enter())
		return;
	rename_in(of_fd(dir_fd), name, of_fd(fd));
	leave();
}

void disk_unlinked(int dir_fd, const char *name)
{
	if (!enter())
		return;
	rename_in(of_fd(dir_fd), name, NULL);
	leave();
}
