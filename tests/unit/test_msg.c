/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/channel.h"
#include "wire/result.h"

static void fill_job(struct msg *msg, size_t out_bytes)
{
	struct err err;
	uint8_t *out = calloc(1, out_bytes + 1);

	memset(out, 'o', out_bytes);
	msg_init(msg, MSG_JOB);
	msg->job.token = UINT64_MAX;
	msg->job.id.b[31] = 9;
	msg->job.verdict = VERDICT_MAX_;
	msg->job.queued_ms = -5;
	(void)snprintf(msg->job.task, sizeof(msg->job.task), "hello");
	assert_int_equal(blob_of(out, out_bytes, &msg->job.out, &err), 0);
	free(out);
}

static int recode(const struct msg *msg, struct msg *ret, struct err *err)
{
	static uint8_t buf[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	int r = msg_encode(msg, buf, &len, fds, &nfds, &made, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < nfds; i++)
		if ((made & 1U << i) == 0)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	return msg_decode(buf, len, fds, nfds, ROLE_QUEUE, ROLE_GATEWAY, ret, err);
}

static void small_and_large_blobs_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 60000, 65536, 3000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct msg msg, back = { 0 };
		struct err err;
		uint8_t *data = NULL;

		fill_job(&msg, sizes[i]);
		assert_int_equal(recode(&msg, &back, &err), 0);
		assert_int_equal(back.job.token, UINT64_MAX);
		assert_int_equal(back.job.queued_ms, -5);
		assert_string_equal(back.job.task, "hello");
		assert_int_equal(back.job.out.len, sizes[i]);
		assert_int_equal(back.job.out.fd >= 0, sizes[i] > 60000);
		assert_int_equal(blob_read_all(&back.job.out, sizes[i], &data, &err), 0);
		assert_int_equal(strspn((char *)data, "o"), sizes[i]);
		if (back.job.out.fd >= 0)
			assert_int_equal(
				fcntl(back.job.out.fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
		free(data);
		msg_done(&msg);
		msg_done(&back);
	}
}

static void a_role_may_send_only_its_own(void **state)
{
	static uint8_t buf[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	struct msg msg, back;
	struct err err;

	(void)state;
	msg_init(&msg, MSG_ENDING);
	assert_int_equal(msg_encode(&msg, buf, &len, fds, &nfds, &made, &err), 0);
	assert_int_equal(
		msg_decode(buf, len, fds, 0, ROLE_GATEWAY, ROLE_QUEUE, &back, &err), -EPERM);
	assert_non_null(strstr(err.msg, "ending may not go from gateway to queue"));
	assert_int_equal(msg_decode(buf, len, fds, 0, ROLE_DRIVER, ROLE_QUEUE, &back, &err), 0);
	msg_done(&back);
	assert_false(msg_allowed(MSG_RUN, ROLE_QUEUE, ROLE_GATEWAY));
	assert_false(msg_allowed(MSG_SUBMIT, ROLE_DRIVER, ROLE_QUEUE));
	msg_done(&msg);
}

static void ranges_and_lengths_are_checked(void **state)
{
	static uint8_t buf[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	struct msg msg, back;
	struct err err;

	(void)state;
	msg_init(&msg, MSG_GIVEBACK);
	msg.giveback.why = GIVEBACK_MAX_;
	assert_int_equal(msg_encode(&msg, buf, &len, fds, &nfds, &made, &err), 0);
	assert_int_equal(
		msg_decode(buf, len, fds, 0, ROLE_DRIVER, ROLE_QUEUE, &back, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "giveback: field why"));
	msg.giveback.why = GIVEBACK_DRAIN;
	assert_int_equal(msg_encode(&msg, buf, &len, fds, &nfds, &made, &err), 0);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(
			msg_decode(buf, n, fds, 0, ROLE_DRIVER, ROLE_QUEUE, &back, &err), -EBADMSG);
	assert_int_equal(
		msg_decode(buf, len + 1, fds, 0, ROLE_DRIVER, ROLE_QUEUE, &back, &err), -EBADMSG);
	buf[0]++;
	assert_int_equal(
		msg_decode(buf, len, fds, 0, ROLE_DRIVER, ROLE_QUEUE, &back, &err), -EBADMSG);
}

/* A descriptor more than the fields name is closed and the message refused. */
static void descriptors_do_not_leak(void **state)
{
	static uint8_t buf[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	struct msg msg, back;
	struct err err;
	int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	msg_init(&msg, MSG_FORGET);
	assert_int_equal(msg_encode(&msg, buf, &len, fds, &nfds, &made, &err), 0);
	fds[0] = spare;
	assert_int_equal(
		msg_decode(buf, len, fds, 1, ROLE_GATEWAY, ROLE_QUEUE, &back, &err), -EBADMSG);
	assert_int_equal(fcntl(spare, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
}

static void damaged_messages_do_no_harm(void **state)
{
	static uint8_t buf[MSG_BYTES_MAX];
	struct msg msg, back;
	struct err err;
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;

	(void)state;
	fill_job(&msg, 100);
	assert_int_equal(msg_encode(&msg, buf, &len, fds, &nfds, &made, &err), 0);
	for (size_t i = 0; i < len; i++)
		for (unsigned v = 1; v < 256; v += 11) {
			buf[i] ^= (uint8_t)v;
			if (msg_decode(buf, len, fds, 0, ROLE_QUEUE, ROLE_GATEWAY, &back, &err) ==
				0)
				msg_done(&back);
			buf[i] ^= (uint8_t)v;
		}
	msg_done(&msg);
}

struct end {
	struct channel *ch;
	bool any; /* takes SUBMITs, whose tokens count from 0 */
	int opened, got, closed, batches;
	uint64_t sum;
	char why[400];
};

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	struct end *end = arg;

	(void)ch;
	assert_string_equal(hello->node, "n1");
	end->opened++;
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct end *end = arg;

	(void)ch;
	if (end->any) {
		assert_int_equal(msg->submit.token, end->got);
		assert_int_equal(msg->submit.spec.len, end->got % 3 == 1 ? 50000 : 0);
		assert_int_equal(msg->submit.input.fd >= 0, end->got % 3 == 2);
		end->got++;
		return;
	}
	assert_int_equal(msg->type, MSG_FORGET);
	end->sum += msg->forget.token;
	end->got++;
}

static void on_batch_end(struct channel *ch, void *arg)
{
	struct end *end = arg;

	(void)ch;
	end->batches++;
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	struct end *end = arg;

	(void)snprintf(end->why, sizeof(end->why), "%s", why);
	end->closed++;
	channel_free(ch);
	end->ch = NULL;
}

static const struct channel_ops ops = { on_open, on_message, on_batch_end, on_closed };

static void connect_ends(struct event_base *base, enum role a_role, struct end *a, struct end *b,
	uint64_t a_generation)
{
	const struct channel_self a_self = { a_generation, 1, "n1" };
	const struct channel_self b_self = { 7, 2, "n1" };
	struct err err;
	int sv[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	assert_int_equal(
		channel_new(base, sv[0], a_role, ROLE_QUEUE, &a_self, &ops, a, &a->ch, &err), 0);
	assert_int_equal(
		channel_new(base, sv[1], ROLE_QUEUE, ROLE_GATEWAY, &b_self, &ops, b, &b->ch, &err),
		0);
}

/* Far more than a socket holds: nothing is lost, nothing blocks, the order stays. */
static void a_burst_arrives_whole(void **state)
{
	struct event_base *base = event_base_new();
	struct end a = { 0 }, b = { 0 };
	struct err err;

	(void)state;
	connect_ends(base, ROLE_GATEWAY, &a, &b, 7);
	for (uint64_t i = 1; i <= 10000; i++) {
		struct msg msg;

		msg_init(&msg, MSG_FORGET);
		msg.forget.token = i;
		assert_int_equal(channel_send(a.ch, &msg, &err), 0);
	}
	while (b.got < 10000 || a.opened == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(b.sum, UINT64_C(10000) * 10001 / 2);
	assert_true(b.batches < 10000);
	assert_int_equal(a.opened, 1);
	channel_free(a.ch);
	while (b.closed == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	event_base_free(base);
}

/* Small ones, large ones and ones with a descriptor, which travels by itself: in order. */
static void messages_share_datagrams_in_order(void **state)
{
	enum { ROUNDS = 40 };
	struct event_base *base = event_base_new();
	struct end a = { 0 }, b = { .any = true };
	static uint8_t large[50000];
	struct err err;

	(void)state;
	connect_ends(base, ROLE_GATEWAY, &a, &b, 7);
	while (a.opened == 0 || b.opened == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	for (uint64_t i = 0; i < 3 * ROUNDS; i++) {
		struct msg msg;

		msg_init(&msg, MSG_SUBMIT);
		msg.submit.token = i;
		if (i % 3 == 1)
			assert_int_equal(blob_of(large, sizeof(large), &msg.submit.spec, &err), 0);
		if (i % 3 == 2)
			msg.submit.input = blob_of_fd(open("/dev/null", O_RDONLY | O_CLOEXEC), i);
		assert_int_equal(channel_send(a.ch, &msg, &err), 0);
		msg_done(&msg);
	}
	channel_free(a.ch); /* what was given is sent first */
	while (b.closed == 0)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(b.got, 3 * ROUNDS);
	event_base_free(base);
}

static void a_damaged_datagram_closes(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t n;
	} rows[] = {
		{ { 1, 0, 0 }, 3 },          /* no whole length */
		{ { 9, 0, 0, 0, 1, 0 }, 6 }, /* more than there is */
		{ { 0xff, 0xff, 0xff, 0xff }, 4 },
		{ { 0, 0, 0, 0, 0, 0, 0, 0 }, 8 }, /* two messages of nothing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct channel_self self = { 7, 2, "n1" };
		struct event_base *base = event_base_new();
		struct end b = { 0 };
		struct err err;
		int sv[2];

		assert_int_equal(
			socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv),
			0);
		assert_int_equal(channel_new(base, sv[1], ROLE_QUEUE, ROLE_GATEWAY, &self, &ops, &b,
					 &b.ch, &err),
			0);
		assert_int_equal(send(sv[0], rows[i].bytes, rows[i].n, 0), rows[i].n);
		while (b.closed == 0)
			assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
		assert_int_equal(b.opened, 0);
		(void)close(sv[0]);
		event_base_free(base);
	}
}

/* The queue's socket for gateways does not take a driver, nor another configuration. */
static void a_wrong_peer_is_refused(void **state)
{
	static const struct {
		enum role role;
		uint64_t generation;
		const char *why;
	} rows[] = {
		{ ROLE_DRIVER, 7, "hello from a driver" },
		{ ROLE_GATEWAY, 8, "another configuration" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct event_base *base = event_base_new();
		struct end a = { 0 }, b = { 0 };

		connect_ends(base, rows[i].role, &a, &b, rows[i].generation);
		while (b.closed == 0)
			assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
		assert_non_null(strstr(b.why, rows[i].why));
		assert_int_equal(b.opened, 0);
		channel_free(a.ch);
		event_base_free(base);
	}
}

static void a_result_comes_back_and_is_bounded(void **state)
{
	struct result result, back;
	struct blob blob;
	struct err err;

	(void)state;
	result_init(&result);
	result.finding.verdict = VERDICT_OK;
	result.image = strdup("sha256:1");
	result.steps = calloc(1, sizeof(*result.steps));
	result.n_steps = 1;
	result.steps[0].finding = result.finding;
	result.steps[0].exit_code = -1;
	result.steps[0].out.bytes = 10;
	result.steps[0].cached = true;
	result.steps[0].checker_message = strdup("line 3 differs");
	result.files = calloc(1, sizeof(*result.files));
	result.n_files = 1;
	result.files[0].name = strdup("plot\n.png");
	result.files[0].bytes = 5;
	assert_int_equal(result_pack(&result, &blob, &err), 0);
	assert_int_equal(result_unpack(blob.data, blob.len, 10, 0, 5, &back, &err), 0);
	assert_int_equal(back.steps[0].exit_code, -1);
	assert_string_equal(back.files[0].name, "plot\n.png");
	assert_true(back.steps[0].cached);
	assert_string_equal(back.steps[0].checker_message, "line 3 differs");
	result_done(&back);
	/* What a store has from before: without what stands at the end. */
	blob.data[0] = RESULT_VERSION_OLDEST;
	assert_int_equal(result_unpack(blob.data, blob.len - 2 - 4 - strlen("line 3 differs"), 10,
				 0, 5, &back, &err),
		0);
	assert_false(back.steps[0].cached);
	assert_null(back.steps[0].checker_message);
	result_done(&back);
	blob.data[0] = RESULT_VERSION;
	assert_int_equal(result_unpack(blob.data, blob.len, 9, 0, 5, &back, &err), -EBADMSG);
	assert_int_equal(result_unpack(blob.data, blob.len, 10, 0, 4, &back, &err), -EBADMSG);
	for (size_t n = 0; n < blob.len; n++)
		assert_int_equal(result_unpack(blob.data, n, 10, 0, 5, &back, &err), -EBADMSG);
	blob_done(&blob);
	result_done(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_and_large_blobs_come_back),
		cmocka_unit_test(a_role_may_send_only_its_own),
		cmocka_unit_test(ranges_and_lengths_are_checked),
		cmocka_unit_test(descriptors_do_not_leak),
		cmocka_unit_test(damaged_messages_do_no_harm),
		cmocka_unit_test(a_burst_arrives_whole),
		cmocka_unit_test(messages_share_datagrams_in_order),
		cmocka_unit_test(a_damaged_datagram_closes),
		cmocka_unit_test(a_wrong_peer_is_refused),
		cmocka_unit_test(a_result_comes_back_and_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
