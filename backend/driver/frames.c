/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static bool is_bulk(uint8_t type)
{
	return type == FRAME_STDOUT || type == FRAME_STDERR || type == FRAME_GOT_DATA;
}

static int begin(struct frames *frames, struct err *err)
{
	struct unpacker u = unpacker_of(frames->header, FRAME_HEADER);
	uint8_t type;

	frames->left = unpack_u32(&u);
	type = unpack_u8(&u);
	if (unpack_u8(&u) != 0 || unpack_u16(&u) != 0 || frames->left > FRAME_PAYLOAD_MAX ||
		type < FRAME_READY || type >= FRAME_AGENT_MAX_)
		return err_say(err, EPROTO, "the agent's frames are garbled");
	frames->n = 0;
	if (is_bulk(type) || frames->left == 0)
		return 0;
	frames->payload = malloc(frames->left);
	return frames->payload == NULL ? err_set(err, ENOMEM, "frame") : 0;
}

static int end(struct frames *frames, const struct frames_ops *ops, void *arg)
{
	cleanup_free uint8_t *payload = TAKE_PTR(frames->payload);

	frames->have = 0;
	if (is_bulk(frames->header[4]))
		return 0;
	return ops->frame((enum frame_type)frames->header[4], payload, frames->n, arg);
}

static size_t take_header(struct frames *frames, const uint8_t *data, size_t n)
{
	size_t take = FRAME_HEADER - frames->have;

	take = n < take ? n : take;
	memcpy(frames->header + frames->have, data, take);
	frames->have += take;
	return take;
}

int frames_feed(struct frames *frames, const uint8_t *data, size_t n, const struct frames_ops *ops,
	void *arg, struct err *err)
{
	int r = 0;

	while (r == 0 && n > 0) {
		size_t take;

		if (frames->have < FRAME_HEADER) {
			take = take_header(frames, data, n);
			data += take;
			n -= take;
			if (frames->have < FRAME_HEADER)
				return 0;
			r = begin(frames, err);
		}
		take = n < frames->left ? n : frames->left;
		if (r < 0)
			return r;
		frames->left -= (uint32_t)take;
		if (is_bulk(frames->header[4])) {
			if (take > 0)
				r = ops->bulk((enum frame_type)frames->header[4], data, take, arg);
		} else if (take > 0) {
			memcpy(frames->payload + frames->n, data, take);
			frames->n += take;
		}
		data += take;
		n -= take;
		if (r == 0 && frames->left == 0)
			r = end(frames, ops, arg);
	}
	return r;
}

void frames_done(struct frames *frames)
{
	free(frames->payload);
	*frames = (struct frames){ 0 };
}

int frames_put(struct evbuffer *out, enum frame_type type, const void *payload, size_t n)
{
	uint8_t header[FRAME_HEADER];
	struct packer p = packer_fixed(header, sizeof(header));

	if (n > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;
	pack_u32(&p, (uint32_t)n);
	pack_u8(&p, (uint8_t)type);
	pack_u8(&p, 0);
	pack_u16(&p, 0);
	if (evbuffer_add(out, header, sizeof(header)) < 0 ||
		(n > 0 && evbuffer_add(out, payload, n) < 0))
		return -ENOMEM;
	return 0;
}

int frames_put_long(struct evbuffer *out, enum frame_type type, const struct packer *payload)
{
	const uint8_t *at = payload->buf;
	size_t left = payload->len;
	int r = payload->failed ? -ENOMEM : 0;

	for (; r == 0 && left > FRAME_PAYLOAD_MAX; left -= FRAME_PAYLOAD_MAX) {
		r = frames_put(out, FRAME_MORE, at, FRAME_PAYLOAD_MAX);
		at += FRAME_PAYLOAD_MAX;
	}
	return r == 0 ? frames_put(out, type, at, left) : r;
}
