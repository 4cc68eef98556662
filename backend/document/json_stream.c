/* SPDX-License-Identifier: MIT */
#include "json_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct json_stream {
	struct json_text t;
	size_t at;              /* of t.buf, what comes next */
	size_t hole;            /* the next one, or the one that is being filled */
	uint64_t filled;        /* bytes of its file that are in `piece` or gone */
	struct json_text piece; /* of a hole, as it stands in the text */
	size_t piece_at;
};

int json_stream_open(struct json_text *t, struct json_stream **ret, struct err *err)
{
	struct json_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return err_set(err, ENOMEM, "JSON");
	stream->t = *t;
	*t = (struct json_text){ 0 };
	*ret = stream;
	return 0;
}

uint64_t json_stream_bytes(const struct json_stream *stream)
{
	uint64_t bytes = stream->t.len;

	for (size_t i = 0; i < stream->t.n_holes; i++)
		bytes += stream->t.holes[i].chars;
	return bytes;
}

/* Bytes of the text itself before the next hole. */
static size_t text_left(const struct json_stream *stream)
{
	const struct json_text *t = &stream->t;

	return (stream->hole < t->n_holes ? t->holes[stream->hole].at : t->len) - stream->at;
}

static int fill_piece(struct json_stream *stream)
{
	const struct json_hole *hole = &stream->t.holes[stream->hole];
	struct err err;
	int r;

	stream->piece.len = stream->piece_at = 0;
	if (stream->filled == hole->len) {
		stream->hole++;
		stream->filled = 0;
		return 0;
	}
	r = jt_hole_piece(&stream->t, hole, &stream->filled, &stream->piece, &err);
	return r == 0 && stream->piece.failed ? -ENOMEM : r;
}

static size_t take(char *buf, size_t n, const char *from, size_t left)
{
	size_t take_n = n < left ? n : left;

	if (take_n > 0)
		memcpy(buf, from, take_n);
	return take_n;
}

ssize_t json_stream_read(struct json_stream *stream, char *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t took = take(buf + done, n - done, stream->piece.buf + stream->piece_at,
			stream->piece.len - stream->piece_at);
		int r;

		stream->piece_at += took;
		if (took == 0) {
			took = take(buf + done, n - done, stream->t.buf + stream->at,
				text_left(stream));
			stream->at += took;
		}
		done += took;
		if (took > 0)
			continue;
		if (stream->hole == stream->t.n_holes)
			break;
		r = fill_piece(stream);
		if (r < 0)
			return r;
	}
	return (ssize_t)done;
}

void json_stream_close(struct json_stream *stream)
{
	if (stream == NULL)
		return;
	jt_done(&stream->t);
	jt_done(&stream->piece);
	free(stream);
}
