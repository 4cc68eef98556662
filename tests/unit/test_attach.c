/* SPDX-License-Identifier: MIT */
/* The two framings of a container's stream, cut at every place. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/attach.h"
#include "driver/frames.h"

struct seen {
	char text[4][512]; /* by type */
	size_t n[4];
	int calls, stop_at;
};

static int see(enum demux_type type, const uint8_t *data, size_t n, void *arg)
{
	struct seen *seen = arg;

	assert_true(n > 0);
	assert_true(seen->n[type] + n < sizeof(seen->text[type]));
	memcpy(seen->text[type] + seen->n[type], data, n);
	seen->n[type] += n;
	return ++seen->calls == seen->stop_at ? 7 : 0;
}

static const uint8_t stream[] = "\1\0\0\0\0\0\0\5hello"
				"\2\0\0\0\0\0\0\3err"
				"\1\0\0\0\0\0\0\0" /* an empty piece */
				"\3\0\0\0\0\0\0\6daemon"
				"\1\0\0\0\0\0\0\1!";
#define STREAM_BYTES (sizeof(stream) - 1)

static void check_seen(const struct seen *seen)
{
	assert_string_equal(seen->text[DEMUX_STDOUT], "hello!");
	assert_string_equal(seen->text[DEMUX_STDERR], "err");
	assert_string_equal(seen->text[DEMUX_ENGINE], "daemon");
}

static void two_cuts_at_every_place_change_nothing(void **state)
{
	(void)state;
	for (size_t a = 0; a <= STREAM_BYTES; a++)
		for (size_t b = a; b <= STREAM_BYTES; b++) {
			struct demux demux = { 0 };
			struct seen seen = { 0 };

			assert_int_equal(demux_feed(&demux, stream, a, see, &seen), 0);
			assert_int_equal(demux_feed(&demux, stream + a, b - a, see, &seen), 0);
			assert_int_equal(
				demux_feed(&demux, stream + b, STREAM_BYTES - b, see, &seen), 0);
			check_seen(&seen);
		}
}

static void byte_by_byte_it_is_the_same(void **state)
{
	struct demux demux = { 0 };
	struct seen seen = { 0 };

	(void)state;
	for (size_t i = 0; i < STREAM_BYTES; i++)
		assert_int_equal(demux_feed(&demux, stream + i, 1, see, &seen), 0);
	check_seen(&seen);
}

static void an_unknown_type_is_refused(void **state)
{
	struct demux demux = { 0 };
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(
		demux_feed(&demux, (const uint8_t *)"\4\0\0\0\0\0\0\1x", 9, see, &seen), -EPROTO);
	assert_int_equal(seen.calls, 0);
}

static void the_callback_can_end_it(void **state)
{
	struct demux demux = { 0 };
	struct seen seen = { .stop_at = 1 };

	(void)state;
	assert_int_equal(demux_feed(&demux, stream, STREAM_BYTES, see, &seen), 7);
	assert_int_equal(seen.calls, 1);
}

/* ---- the agent's frames within it ---- */

struct got {
	size_t bulk_bytes, n_frames;
	char last[64];
};

static int on_bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	struct got *got = arg;

	(void)data;
	assert_int_equal(type, FRAME_STDOUT);
	got->bulk_bytes += n;
	return 0;
}

static int on_frame(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	struct got *got = arg;

	assert_int_equal(type, FRAME_FAULT);
	assert_true(n < sizeof(got->last));
	if (n > 0)
		memcpy(got->last, payload, n);
	got->last[n] = '\0';
	got->n_frames++;
	return 0;
}

static const struct frames_ops ops = { .bulk = on_bulk, .frame = on_frame };

static void frames_come_whole_and_output_as_it_comes(void **state)
{
	struct evbuffer *out = evbuffer_new();
	uint8_t bytes[600];
	size_t n;

	(void)state;
	assert_int_equal(frames_put(out, FRAME_STDOUT, "0123456789", 10), 0);
	assert_int_equal(frames_put(out, FRAME_FAULT, "what", 4), 0);
	assert_int_equal(frames_put(out, FRAME_STDOUT, "", 0), 0);
	assert_int_equal(frames_put(out, FRAME_FAULT, NULL, 0), 0);
	n = (size_t)evbuffer_remove(out, bytes, sizeof(bytes));
	for (size_t a = 0; a <= n; a++) {
		struct frames frames = { 0 };
		struct got got = { 0 };
		struct err err;

		assert_int_equal(frames_feed(&frames, bytes, a, &ops, &got, &err), 0);
		assert_int_equal(frames_feed(&frames, bytes + a, n - a, &ops, &got, &err), 0);
		assert_int_equal(got.bulk_bytes, 10);
		assert_int_equal(got.n_frames, 2);
		assert_string_equal(got.last, "");
		frames_done(&frames);
	}
	evbuffer_free(out);
}

static void bad_headers_are_refused(void **state)
{
	static const uint8_t bad[][8] = {
		{ 1, 0, 1, 0, FRAME_STDOUT, 0, 0, 0 },    /* 65,537 bytes */
		{ 0, 0, 0, 0x80, FRAME_STDOUT, 0, 0, 0 }, /* 2 GiB */
		{ 1, 0, 0, 0, FRAME_START, 0, 0, 0 },     /* ours to send */
		{ 1, 0, 0, 0, FRAME_AGENT_MAX_, 0, 0, 0 },
		{ 1, 0, 0, 0, FRAME_STDOUT, 1, 0, 0 },
		{ 1, 0, 0, 0, FRAME_STDOUT, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct frames frames = { 0 };
		struct got got = { 0 };
		struct err err;

		assert_int_equal(frames_feed(&frames, bad[i], 8, &ops, &got, &err), -EPROTO);
		assert_int_equal(got.bulk_bytes + got.n_frames, 0);
		frames_done(&frames);
	}
}

static void long_orders_are_cut_into_frames(void **state)
{
	struct evbuffer *out = evbuffer_new();
	struct packer p = packer_growing();
	uint8_t header[8];

	(void)state;
	for (size_t i = 0; i < 150000; i++)
		pack_u8(&p, (uint8_t)i);
	assert_int_equal(frames_put_long(out, FRAME_STEP, &p), 0);
	assert_int_equal(evbuffer_get_length(out), 150000 + 3 * FRAME_HEADER);
	assert_int_equal(evbuffer_remove(out, header, 8), 8);
	assert_int_equal(header[4], FRAME_MORE);
	(void)evbuffer_drain(out, FRAME_PAYLOAD_MAX);
	assert_int_equal(evbuffer_remove(out, header, 8), 8);
	assert_int_equal(header[4], FRAME_MORE);
	(void)evbuffer_drain(out, FRAME_PAYLOAD_MAX);
	assert_int_equal(evbuffer_remove(out, header, 8), 8);
	assert_int_equal(header[4], FRAME_STEP);
	packer_done(&p);
	evbuffer_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_cuts_at_every_place_change_nothing),
		cmocka_unit_test(byte_by_byte_it_is_the_same),
		cmocka_unit_test(an_unknown_type_is_refused),
		cmocka_unit_test(the_callback_can_end_it),
		cmocka_unit_test(frames_come_whole_and_output_as_it_comes),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(long_orders_are_cut_into_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
