/* SPDX-License-Identifier: MIT */
#include "sample.h"

void sample_pack(struct packer *p, const struct sample *sample)
{
	pack_i64(p, sample->at_ms);
	pack_u32(p, sample->waiting);
	pack_u32(p, sample->running);
	pack_u32(p, sample->slots_used);
	pack_u32(p, sample->slots);
	pack_i64(p, sample->cpus_used);
	pack_i64(p, sample->cpus);
	pack_i64(p, sample->memory_used_bytes);
	pack_i64(p, sample->memory_bytes);
	pack_u32(p, sample->gpus_used);
	pack_u32(p, sample->gpus);
}

bool sample_unpack(struct unpacker *u, struct sample *ret)
{
	struct sample s = { 0 };

	if (u->failed || u->left == 0)
		return false;
	s.at_ms = unpack_i64(u);
	s.waiting = unpack_u32(u);
	s.running = unpack_u32(u);
	s.slots_used = unpack_u32(u);
	s.slots = unpack_u32(u);
	s.cpus_used = unpack_i64(u);
	s.cpus = unpack_i64(u);
	s.memory_used_bytes = unpack_i64(u);
	s.memory_bytes = unpack_i64(u);
	s.gpus_used = unpack_u32(u);
	s.gpus = unpack_u32(u);
	if (s.cpus_used < 0 || s.cpus < 0 || s.memory_used_bytes < 0 || s.memory_bytes < 0)
		u->failed = true;
	if (!u->failed)
		*ret = s;
	return !u->failed;
}
