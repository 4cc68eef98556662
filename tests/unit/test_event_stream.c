/* SPDX-License-Identifier: MIT */
#include "cli/event_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct heard {
	char text[2000];
	int answer;
};

static int on_event(void *arg, const char *name, const char *data, size_t n)
{
	struct heard *heard = arg;
	size_t at = strlen(heard->text);

	assert_int_equal(strlen(data), n);
	(void)snprintf(heard->text + at, sizeof(heard->text) - at, "[%s|%s]", name, data);
	return heard->answer;
}

static const char whole[] = "retry: 1000\n\n"
			    ": a comment\n"
			    "id: 1\nevent: one\ndata: {\"a\": 1}\n\n"
			    ":\n\n"
			    "id: 2\r\nevent: two\r\ndata:first\r\ndata: second\r\n\r\n"
			    "event: three\nfield\nother: x\ndata: \n\n"
			    "id: 4\nevent: four\n\n"
			    "id: 5\nevent: five\ndata: never whole\n";

/* However it is cut into pieces. */
static void all_at_once_and_in_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= sizeof(whole); piece++) {
		struct heard heard = { .text = "" };
		struct event_stream stream = { .event = on_event, .arg = &heard };

		for (size_t at = 0; at < sizeof(whole) - 1; at += piece) {
			size_t left = sizeof(whole) - 1 - at;

			assert_int_equal(
				event_stream_feed(&stream, whole + at, left < piece ? left : piece),
				0);
		}
		assert_string_equal(heard.text, "[one|{\"a\": 1}][two|first\nsecond][three|]");
		assert_string_equal(stream.last, "2");
		event_stream_done(&stream);
	}
}

static void another_answer(void **state)
{
	struct heard heard = { .text = "" };
	struct event_stream stream = { .event = on_event, .arg = &heard };

	(void)state;
	assert_int_equal(event_stream_feed(&stream, whole, sizeof(whole) - 1), 0);
	heard.text[0] = '\0';
	event_stream_again(&stream);
	assert_int_equal(event_stream_feed(&stream, "event: new\ndata: x\n\n", 20), 0);
	assert_string_equal(heard.text, "[new|x]");
	assert_string_equal(stream.last, "2");
	event_stream_done(&stream);
}

static void what_ends_it(void **state)
{
	struct heard heard = { .answer = EPIPE };
	struct event_stream stream = { .event = on_event, .arg = &heard };
	char id[EVENT_ID_MAX + 20];

	(void)state;
	assert_int_equal(event_stream_feed(&stream, "id: 9\ndata: x\n\n", 15), EPIPE);
	assert_string_equal(stream.last, ""); /* it was not taken */
	(void)snprintf(id, sizeof(id), "id: %0*d\n", EVENT_ID_MAX + 1, 1);
	event_stream_again(&stream);
	assert_int_equal(event_stream_feed(&stream, id, strlen(id)), EPROTO);
	event_stream_done(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_at_once_and_in_pieces),
		cmocka_unit_test(another_answer),
		cmocka_unit_test(what_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
