/* SPDX-License-Identifier: MIT */
#include "measured.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define KEPT_MAX 64

struct kept {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	off_t size;
	uint64_t offset, len; /* len 0: nothing is kept here */
	struct measured what;
};

static struct kept kept[KEPT_MAX];
static size_t next;

/* The file, and its last change: an inode's number comes again. */
static bool describe(int fd, uint64_t offset, uint64_t len, struct kept *ret)
{
	struct stat st;

	if (len < MEASURED_MIN || fstat(fd, &st) < 0)
		return false;
	*ret = (struct kept){ .device = st.st_dev,
		.inode = st.st_ino,
		.changed = st.st_ctim,
		.size = st.st_size,
		.offset = offset,
		.len = len };
	return true;
}

static bool is_same(const struct kept *a, const struct kept *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->offset == b->offset && a->len == b->len &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

bool measured_find(int fd, uint64_t offset, uint64_t len, struct measured *ret)
{
	struct kept wanted;

	if (!describe(fd, offset, len, &wanted))
		return false;
	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (is_same(&kept[i], &wanted)) {
			*ret = kept[i].what;
			return true;
		}
	}
	return false;
}

void measured_keep(int fd, uint64_t offset, uint64_t len, const struct measured *what)
{
	struct kept one;

	if (!describe(fd, offset, len, &one))
		return;
	one.what = *what;
	kept[next] = one;
	next = (next + 1) % KEPT_MAX;
}
