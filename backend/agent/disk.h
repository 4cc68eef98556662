/* SPDX-License-Identifier: MIT */
/* How full the file systems are that a job may fill. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct disk {
	int64_t used;  /* bytes in the fullest of workspace and /tmp */
	int64_t total; /* bytes in all of them, /dev/shm included */
	bool full;     /* one of them has no bytes or no inodes left */
};

/* Looks at those that are a tmpfs of a given size: others are not the job's alone. */
struct disk disk_look(void);
