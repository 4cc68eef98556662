/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes as the agent sees them: one is the job's, one is being made or
 * waits ready for the next job. What a job leaves ends with its sandbox.
 */
#pragma once

#include <stdbool.h>

#include "disk.h"
#include "spare.h"

struct sandbox {
	unsigned int id; /* 0: none */
	int fd;          /* owned: to its init; closing it is the end of all in there */
	bool set_up;     /* its places are here */
	struct places places;
	struct spare first; /* until the sandbox is the job's */
};

#define SANDBOX_NONE ((struct sandbox){ .fd = -1, .places = PLACES_NONE, .first = SPARE_EMPTY })

/* Asks for the next one. */
void sandbox_prepare(void);
/* The next one waits with its spare, and nothing that is left of others stands in its way. */
bool sandbox_ready(void);
/* It becomes the job's. */
void sandbox_enter(void);
/* Asks for `count` more spares in the job's. */
void sandbox_spawn(size_t count);
/* Asks for so many bytes for the workspace and /tmp; true: wait for the answer. */
bool sandbox_limit(int64_t bytes);
/*
 * The job's ends with the next sandbox_tidy(); `wait`: no next one is ready
 * before all of it is gone.
 */
void sandbox_leave(bool wait);
/* Takes what the init of one of the two has said, or the nursery. */
void sandbox_read(struct sandbox *sandbox);
void sandbox_read_nursery(void);
/* Closes what was left: after what somebody waits for. */
void sandbox_tidy(void);
