/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <string.h>

#define INODE_BYTES 4096 /* one inode for so many bytes of a tmpfs */
#define INODES_MIN  1024
#define INODES_MAX  100000

static const struct {
	const char *name;
	const char *unit;
	const char *what;
	int64_t def;
	int64_t ceiling;
	int64_t min;
} table[LIMIT_MAX_] = {
#define X(id, member, def, ceiling, min, unit, what) \
	[LIMIT_##id] = { #member, unit, what, def, ceiling, min },
	LIMITS(X)
#undef X
};

const char *limit_name(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].name : "none";
}

const char *limit_unit(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].unit : "";
}

const char *limit_what(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].what : "";
}

int64_t limit_min(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].min : 0;
}

int64_t limit_default(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].def : 0;
}

int64_t limit_ceiling(enum limit limit)
{
	return (size_t)limit < LIMIT_MAX_ ? table[limit].ceiling : 0;
}

enum limit limit_by_name(const char *name)
{
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		if (strcmp(table[i].name, name) == 0)
			return (enum limit)i;
	return LIMIT_MAX_;
}

void limits_unset(struct limits *limits)
{
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		limits->v[i] = LIMIT_UNSET;
}

void limits_default(struct limits *limits)
{
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		limits->v[i] = table[i].def;
}

void limits_resolve(const struct limits *base, const struct limits *ceiling,
	const struct limits *asked, struct limits *ret)
{
	for (size_t i = 0; i < LIMIT_MAX_; i++) {
		int64_t v = asked->v[i] == LIMIT_UNSET ? base->v[i] : asked->v[i];

		if (v > ceiling->v[i])
			v = ceiling->v[i];
		if (v < table[i].min)
			v = table[i].min;
		ret->v[i] = v;
	}
}

int64_t limits_shm_bytes(const struct limits *limits)
{
	int64_t memory = limits->v[LIMIT_MEMORY];

	return memory < LIMITS_SHM_MAX ? memory : LIMITS_SHM_MAX;
}

int64_t limits_inodes(int64_t bytes)
{
	int64_t n = bytes / INODE_BYTES;

	if (n < INODES_MIN)
		return INODES_MIN;
	return n > INODES_MAX ? INODES_MAX : n;
}
