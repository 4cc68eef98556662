/* SPDX-License-Identifier: MIT */
#include "frame_io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint32_t header_len(const uint8_t *h)
{
	return (uint32_t)h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 24;
}

/* Room behind what is there: what was dropped is overwritten when there is little. */
static size_t frame_in_room(struct frame_in *in)
{
	if (in->start == in->end)
		in->start = in->end = 0;
	if (in->start > 0 && sizeof(in->buf) - in->end < FRAME_HEADER + FRAME_PAYLOAD_MAX) {
		memmove(in->buf, in->buf + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	return sizeof(in->buf) - in->end;
}

int frame_in_fill(struct frame_in *in, struct err *err)
{
	size_t room;

	while (!in->eof && (room = frame_in_room(in)) > 0) {
		ssize_t n = read(in->fd, in->buf + in->end, room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_set(err, errno, "read frames");
		if (n == 0)
			in->eof = true;
		in->end += (size_t)n;
		if ((size_t)n < room)
			return 0; /* that was all for now */
	}
	return 0;
}

bool frame_in_full(const struct frame_in *in)
{
	return in->eof || (in->start == 0 && in->end == sizeof(in->buf));
}

/* The whole frame at `at`: as frame_in_peek(). */
static int frame_at(const struct frame_in *in, size_t at, struct frame *ret, struct err *err)
{
	const uint8_t *h = in->buf + at;

	if (in->end - at < FRAME_HEADER)
		return 0;
	if (header_len(h) > FRAME_PAYLOAD_MAX || h[5] != 0 || h[6] != 0 || h[7] != 0)
		return err_say(err, EPROTO, "bad frame header");
	if (in->end - at < FRAME_HEADER + header_len(h))
		return 0;
	*ret = (struct frame){
		.type = (enum frame_type)h[4], .payload = h + FRAME_HEADER, .len = header_len(h)
	};
	return 1;
}

int frame_in_peek(const struct frame_in *in, struct frame *ret, struct err *err)
{
	return frame_at(in, in->start, ret, err);
}

void frame_in_drop(struct frame_in *in)
{
	in->start += FRAME_HEADER + header_len(in->buf + in->start);
}

size_t frame_in_find(const struct frame_in *in, enum frame_type type)
{
	struct frame frame;
	struct err ignored;
	size_t n = 0;

	for (size_t at = in->start; frame_at(in, at, &frame, &ignored) == 1;
		at += FRAME_HEADER + frame.len) {
		n++;
		if (frame.type == type)
			return n;
	}
	return 0;
}

static void frame_out_compact(struct frame_out *out)
{
	if (out->start == 0)
		return;
	memmove(out->buf, out->buf + out->start, out->end - out->start);
	out->end -= out->start;
	out->start = 0;
}

size_t frame_out_room(struct frame_out *out)
{
	size_t left;

	if (sizeof(out->buf) - out->end < FRAME_HEADER + FRAME_PAYLOAD_MAX)
		frame_out_compact(out);
	left = sizeof(out->buf) - out->end;
	if (left <= FRAME_HEADER)
		return 0;
	left -= FRAME_HEADER;
	return left > FRAME_PAYLOAD_MAX ? FRAME_PAYLOAD_MAX : left;
}

uint8_t *frame_out_payload(struct frame_out *out)
{
	return out->buf + out->end + FRAME_HEADER;
}

void frame_out_commit(struct frame_out *out, enum frame_type type, size_t len)
{
	uint8_t *h = out->buf + out->end;

	for (size_t i = 0; i < 4; i++)
		h[i] = (uint8_t)(len >> (8 * i));
	h[4] = (uint8_t)type;
	h[5] = h[6] = h[7] = 0;
	out->end += FRAME_HEADER + len;
}

int frame_out_put(struct frame_out *out, enum frame_type type, const void *data, size_t len)
{
	/* No room for payload may also be none for a header. */
	if (frame_out_room(out) < len || sizeof(out->buf) - out->end < FRAME_HEADER)
		return -ENOBUFS;
	if (len > 0)
		memcpy(frame_out_payload(out), data, len);
	frame_out_commit(out, type, len);
	return 0;
}

bool frame_out_waiting(const struct frame_out *out)
{
	return out->end > out->start;
}

size_t frame_out_bytes(const struct frame_out *out)
{
	return out->end - out->start;
}

int frame_out_flush(struct frame_out *out)
{
	while (frame_out_waiting(out)) {
		ssize_t n = write(out->fd, out->buf + out->start, out->end - out->start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return -errno;
		out->start += (size_t)n;
	}
	out->start = out->end = 0;
	return 0;
}
