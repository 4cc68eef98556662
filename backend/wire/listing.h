/* SPDX-License-Identifier: MIT */
/* The rows of a list of jobs, as MSG_JOBS carries them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/callback.h"
#include "common/config.h"
#include "common/job_id.h"
#include "common/job_state.h"
#include "common/verdict.h"
#include "pack.h"

struct listing_row {
	struct job_id id;
	char task[TASK_NAME_MAX + 1];
	enum job_state state;
	enum verdict verdict; /* VERDICT_MAX_: none yet */
	uint64_t position;    /* 0: does not wait */
	int64_t estimated_ms; /* when it will start, 0: not known */
	int64_t queued_ms, started_ms, finished_ms;
	bool own; /* the asker may see the whole id */
	char node[65];
	enum callback_state callback;
	char client[65]; /* "" : nobody, or not to be seen by the asker */
};

void listing_pack(struct packer *p, const struct listing_row *row);
/* False at the end of the list or (u->failed) on bad bytes. */
bool listing_unpack(struct unpacker *u, struct listing_row *ret);
