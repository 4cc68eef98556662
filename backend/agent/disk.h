/* SPDX-License-Identifier: MIT */
/*
 * The file systems that a job may fill: how full they are, and how much of them
 * a step may have. A tmpfs got its size when the container was made; a step
 * with a lower limit finds the difference taken by a file of ours without a
 * name (ballast), so that it meets ENOSPC exactly at its limit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

enum place {
	PLACE_WORKSPACE,
	PLACE_TMP,
	PLACE_SHM,
	DISK_PLACES,
};

/* The directories; a sandbox's are seen through these alone. */
struct places {
	int fd[DISK_PLACES]; /* owned, O_PATH */
};

#define PLACES_NONE ((struct places){ { -1, -1, -1 } })

extern const char *const place_paths[DISK_PLACES];

struct disk {
	int64_t used;  /* bytes in the fullest of workspace and /tmp */
	int64_t total; /* bytes in all of them, /dev/shm included */
	bool full;     /* one of them has no bytes or no inodes left */
};

struct ballast {
	const struct places *places; /* borrowed: those it is about */
	int fd[DISK_PLACES];         /* owned; -1: none */
	int64_t bytes[DISK_PLACES];
};

#define BALLAST_NONE ((struct ballast){ .fd = { -1, -1, -1 } })

/* Opens those of this mount namespace. 0 or -errno. */
int places_open(struct places *ret, struct err *err);
void places_close(struct places *places);

/*
 * As uid 0: makes /tmp and /dev/shm everybody's. runc gives a tmpfs the mode
 * that the image's directory of that name has, whatever was asked for.
 */
void disk_open_to_all(const struct places *places);
/* Looks at those that are a tmpfs of a given size: others are not the job's alone. */
struct disk disk_look(const struct ballast *ballast);
/*
 * Opens what disk_limit() needs, an inode of each place, while no job can be in its way by the mode
 * of a directory or by taking all inodes. What cannot be had is tried again there.
 */
void disk_hold(struct ballast *ballast, uid_t agent_uid, uid_t job_uid);
/*
 * Leaves `bytes` of the workspace and of /tmp to the job, what is in them
 * included. Makes files as `job_uid`. Where more than that is used already
 * nothing is left, which is no failure.
 */
int disk_limit(
	struct ballast *ballast, int64_t bytes, uid_t agent_uid, uid_t job_uid, struct err *err);
