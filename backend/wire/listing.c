/* SPDX-License-Identifier: MIT */
#include "listing.h"

void listing_pack(struct packer *p, const struct listing_row *row)
{
	pack_raw(p, row->id.b, JOB_ID_BYTES);
	pack_str(p, row->task);
	pack_u8(p, (uint8_t)row->state);
	pack_u8(p, (uint8_t)row->verdict);
	pack_u64(p, row->position);
	pack_i64(p, row->estimated_ms);
	pack_i64(p, row->queued_ms);
	pack_i64(p, row->started_ms);
	pack_i64(p, row->finished_ms);
	pack_u8(p, row->own);
	pack_u8(p, (uint8_t)row->callback);
	pack_str(p, row->node);
	pack_str(p, row->client);
}

bool listing_unpack(struct unpacker *u, struct listing_row *ret)
{
	const uint8_t *id;
	uint8_t state, verdict, own, callback;

	if (u->failed || u->left == 0)
		return false;
	id = unpack_raw(u, JOB_ID_BYTES);
	if (id == NULL)
		return false;
	memcpy(ret->id.b, id, JOB_ID_BYTES);
	unpack_str(u, ret->task, sizeof(ret->task));
	state = unpack_u8(u);
	verdict = unpack_u8(u);
	ret->position = unpack_u64(u);
	ret->estimated_ms = unpack_i64(u);
	ret->queued_ms = unpack_i64(u);
	ret->started_ms = unpack_i64(u);
	ret->finished_ms = unpack_i64(u);
	own = unpack_u8(u);
	callback = unpack_u8(u);
	unpack_str(u, ret->node, sizeof(ret->node));
	unpack_str(u, ret->client, sizeof(ret->client));
	if (state >= JOB_STATE_MAX_ || verdict > VERDICT_MAX_ || own > 1 ||
		callback >= CALLBACK_STATE_MAX_)
		u->failed = true;
	ret->state = (enum job_state)state;
	ret->verdict = (enum verdict)verdict;
	ret->own = own != 0;
	ret->callback = (enum callback_state)callback;
	return !u->failed;
}
