/* SPDX-License-Identifier: MIT */
/* What is found after a power cut. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "dice.h"
#include "disk_parts.h"

/* How a file fares, in thousandths. */
struct fate {
	unsigned kept;  /* of its writes, or of their sectors */
	unsigned noise; /* of what is not kept */
	bool torn;      /* each sector fares by itself */
	bool shortened; /* what it grew by is cut somewhere */
};

static struct fate fate_of(struct dice *dice)
{
	static const unsigned kept[] = { 0, 1000, 500, 900, 100 };

	return (struct fate){
		.kept = kept[dice_below(dice, sizeof(kept) / sizeof(kept[0]))],
		.noise = dice_below(dice, 4) == 0 ? 300 : 0,
		.torn = dice_below(dice, 2) == 0,
		.shortened = dice_below(dice, 4) == 0,
	};
}

struct content {
	uint8_t *data;
	size_t size;
};

static void put(struct content *content, const struct disk_change *change, size_t from, size_t n,
	bool noise, struct dice *dice)
{
	size_t at = (size_t)change->offset + from;

	if (at + n > content->size)
		disk_resize(&content->data, &content->size, at + n);
	if (!noise) {
		memcpy(content->data + at, change->data + from, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		content->data[at + i] = (uint8_t)dice_below(dice, 256);
}

static void apply_write(struct content *content, const struct disk_change *change,
	const struct fate *fate, struct dice *dice)
{
	for (size_t from = 0; from < change->n;) {
		size_t in_sector = (size_t)((change->offset + from) % DISK_SECTOR);
		size_t n = fate->torn ? DISK_SECTOR - in_sector : change->n;

		if (n > change->n - from)
			n = change->n - from;
		if (dice_below(dice, 1000) < fate->kept)
			put(content, change, from, n, false, dice);
		else if (dice_below(dice, 1000) < fate->noise)
			put(content, change, from, n, true, dice);
		from += n;
	}
}

/* What is in a file that was written unseen is one write. */
static struct disk_change *all_of(const struct disk_file *file)
{
	cleanup_free uint8_t *now = NULL;
	struct disk_change *change;
	size_t n;

	now = disk_read(file, &n);
	change = calloc(1, sizeof(*change) + n);
	if (change == NULL)
		disk_fail("memory");
	change->n = n;
	memcpy(change->data, now, n);
	return change;
}

static struct content settled(const struct disk_file *file, struct dice *dice)
{
	struct fate fate = fate_of(dice);
	struct content content = { 0 };
	const struct disk_change *change;

	disk_resize(&content.data, &content.size, file->size);
	if (file->size > 0)
		memcpy(content.data, file->data, file->size);
	STAILQ_FOREACH (change, &file->changes, next) {
		if (!change->is_size)
			apply_write(&content, change, &fate, dice);
		else if (dice_below(dice, 1000) < fate.kept)
			disk_resize(&content.data, &content.size, (size_t)change->offset);
	}
	if (!file->is_told) {
		cleanup_free struct disk_change *all = all_of(file);

		if (all->n != file->size || memcmp(all->data, content.data, all->n) != 0)
			apply_write(&content, all, &fate, dice);
	}
	if (fate.shortened && content.size > file->size)
		content.size = file->size + dice_below(dice, (uint32_t)(content.size - file->size));
	return content;
}

/* The power may fail while its process is root still. */
static void give_back(const struct disk_file *file, int fd)
{
	struct stat st;

	if (geteuid() == 0 && (fstat(file->fd, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0))
		disk_fail("an image's owner");
}

static void write_file(
	const struct disk_file *file, int dir_fd, const char *name, struct dice *dice)
{
	cleanup_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct content content = settled(file, dice);

	for (size_t at = 0; fd >= 0 && at < content.size;) {
		ssize_t n = pwrite(fd, content.data + at, content.size - at, (off_t)at);

		if (n <= 0)
			disk_fail("write an image");
		at += (size_t)n;
	}
	if (fd < 0)
		disk_fail(name);
	give_back(file, fd);
	free(content.data);
}

/* A name's changes reach the disk in their order: once one is lost, so are the later ones. */
static void settle_names(const struct disk_file *dir, struct disk_entries *names, struct dice *dice)
{
	static const unsigned kept[] = { 0, 1000, 500 };
	unsigned keep = kept[dice_below(dice, 3)];
	struct disk_entries lost = STAILQ_HEAD_INITIALIZER(lost);
	struct disk_entry *entry, *other;

	STAILQ_FOREACH (entry, &dir->names, next)
		disk_name(names, entry->name, entry->file);
	STAILQ_FOREACH (entry, &dir->new_names, next) {
		STAILQ_FOREACH (other, &lost, next)
			if (strcmp(other->name, entry->name) == 0)
				break;
		if (other == NULL && dice_below(dice, 1000) < keep)
			disk_name(names, entry->name, entry->file);
		else
			disk_name(&lost, entry->name, NULL);
	}
}

static void write_directory(const struct disk_file *dir, int fd, struct dice *dice)
{
	struct disk_entries names = STAILQ_HEAD_INITIALIZER(names);
	struct disk_entry *entry;

	settle_names(dir, &names, dice);
	STAILQ_FOREACH (entry, &names, next) {
		cleanup_close int sub_fd = -EBADF;

		if (entry->file == NULL)
			continue;
		if (!entry->file->is_directory) {
			write_file(entry->file, fd, entry->name, dice);
			continue;
		}
		if (mkdirat(fd, entry->name, 0700) < 0)
			disk_fail(entry->name);
		sub_fd = openat(fd, entry->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub_fd < 0)
			disk_fail(entry->name);
		give_back(entry->file, sub_fd);
		write_directory(entry->file, sub_fd, dice);
	}
}

void disk_image(const struct disk_file *root, const char *image, uint64_t seed)
{
	struct dice dice = { .state = seed };
	cleanup_close int fd = open(image, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		disk_fail(image);
	write_directory(root, fd, &dice);
}
