/* SPDX-License-Identifier: MIT */
/*
 * What all jobs of a slot see of the image: a tree made once, in a mount
 * namespace that each job gets a copy of. As few mounts as do, for each is
 * copied and undone again with every job.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct base {
	int proc_fd;        /* owned: the container's proc, not read-only */
	uint32_t masks;     /* bits: which of the paths to cover this kernel has */
	uint32_t mask_dirs; /* which of them are directories */
};

/*
 * In a user and mount namespace of one's own: the image read-only, a small /dev
 * and /sys, empty places for what each job gets of its own. The container's
 * mounts are gone afterwards.
 */
int base_build(struct base *ret, struct err *err);
/* In a job's copy, after its own proc was mounted: covers there what tells of the host. */
int base_mask_proc(const struct base *base, struct err *err);
