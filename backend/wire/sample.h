/* SPDX-License-Identifier: MIT */
/* How much the queue had to do at a moment; a list of them, oldest first, is what MSG_HISTORY
 * carries. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"

struct sample {
	int64_t at_ms;              /* unix time */
	uint32_t waiting, running;  /* jobs */
	uint32_t slots_used, slots; /* of the machine, as the rest; 0 without a driver */
	int64_t cpus_used, cpus;    /* thousandths */
	int64_t memory_used_bytes, memory_bytes;
	uint32_t gpus_used, gpus;
};

void sample_pack(struct packer *p, const struct sample *sample);
/* False at the end of the list or (u->failed) on bad bytes. */
bool sample_unpack(struct unpacker *u, struct sample *ret);
