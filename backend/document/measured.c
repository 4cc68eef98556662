/* SPDX-License-Identifier: MIT */
#include "measured.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define SETS 1024 /* a power of two */
#define WAYS 8    /* what is kept of a set */

struct kept {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	off_t size;
	uint64_t offset, len; /* len 0: nothing is kept here */
	struct measured what;
};

static struct set {
	struct kept kept[WAYS];
	unsigned next;
} sets[SETS];

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

static struct set *set_of(const struct kept *one)
{
	const uint64_t parts[] = { one->device, one->inode, one->offset, one->len,
		(uint64_t)one->changed.tv_sec, (uint64_t)one->changed.tv_nsec };
	uint64_t hash = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		hash = (hash ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return &sets[hash % SETS];
}

bool measured_find(int fd, uint64_t offset, uint64_t len, struct measured *ret)
{
	struct kept wanted;
	const struct set *set;

	if (!describe(fd, offset, len, &wanted))
		return false;
	set = set_of(&wanted);
	for (size_t i = 0; i < WAYS; i++) {
		if (is_same(&set->kept[i], &wanted)) {
			*ret = set->kept[i].what;
			return true;
		}
	}
	return false;
}

void measured_keep(int fd, uint64_t offset, uint64_t len, const struct measured *what)
{
	struct kept one;
	struct set *set;

	if (!describe(fd, offset, len, &one))
		return;
	one.what = *what;
	set = set_of(&one);
	set->kept[set->next] = one;
	set->next = (set->next + 1) % WAYS;
}
