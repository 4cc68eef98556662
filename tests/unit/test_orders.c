/* SPDX-License-Identifier: MIT */
/* The agent's parsers of what the driver sends: whatever comes, an answer and no harm. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/frame_io.h"
#include "agent/orders.h"
#include "wire/pack.h"

static struct limits limits;

static void pack_limits(struct packer *p)
{
	pack_u8(p, LIMIT_MAX_);
	for (int i = 0; i < LIMIT_MAX_; i++)
		pack_i64(p, limits.v[i]);
}

static struct packer prepare_of(uint32_t agent_uid, uint32_t job_uid, uint8_t kill)
{
	struct packer p = packer_growing();

	pack_u16(&p, FRAME_VERSION);
	pack_u32(&p, agent_uid);
	pack_u32(&p, job_uid);
	pack_limits(&p);
	pack_u8(&p, kill);
	pack_u8(&p, 0);
	pack_u8(&p, FRAME_ISOLATION_SANDBOX);
	return p;
}

static void prepare(void **state)
{
	struct prepare_order order;
	struct packer p = prepare_of(1000, 1001, 1);
	struct err err;

	(void)state;
	assert_int_equal(orders_prepare(p.buf, p.len, &order, &err), 0);
	assert_int_equal(order.agent_uid, 1000);
	assert_int_equal(order.job_uid, 1001);
	assert_true(order.kill_at_output);
	assert_true(order.sandbox);
	for (size_t n = 0; n < p.len; n++) /* cut anywhere */
		assert_int_equal(orders_prepare(p.buf, n, &order, &err), -EPROTO);
	packer_done(&p);
}

static void assert_no_prepare(uint32_t agent_uid, uint32_t job_uid, uint8_t kill)
{
	struct prepare_order order;
	struct packer p = prepare_of(agent_uid, job_uid, kill);
	struct err err;

	assert_int_equal(orders_prepare(p.buf, p.len, &order, &err), -EPROTO);
	packer_done(&p);
}

static void prepare_refused(void **state)
{
	(void)state;
	assert_no_prepare(0, 1, 0);
	assert_no_prepare(1, 0, 0);
	assert_no_prepare(7, 7, 0);
	assert_no_prepare(UINT32_MAX, 1, 0);
	assert_no_prepare(1, UINT32_MAX, 0);
	assert_no_prepare(1, 2, 2);
	limits.v[LIMIT_WALL] = 0;
	assert_no_prepare(1, 2, 0);
	limits.v[LIMIT_WALL] = INT64_MAX;
	assert_no_prepare(1, 2, 0);
	limits_default(&limits);
}

static struct packer step_of(uint32_t argc)
{
	struct packer p = packer_growing();

	pack_u8(&p, FRAME_STEP_BUILD);
	pack_limits(&p);
	pack_u32(&p, argc);
	for (uint32_t i = 0; i < argc; i++)
		pack_str(&p, "argument");
	pack_u32(&p, 1);
	pack_str(&p, "A=b");
	pack_u8(&p, 1);
	return p;
}

static void step(void **state)
{
	struct packer p = step_of(2);
	struct step_order order;
	struct err err;

	(void)state;
	assert_int_equal(orders_step(p.buf, p.len, &limits, &order, &err), 0);
	assert_int_equal(order.argc, 2);
	assert_int_equal(order.envc, 1);
	assert_true(order.open_input);
	assert_memory_equal(order.strings, "argument\0argument\0A=b", order.strings_len);
	step_order_done(&order);
	for (size_t n = 0; n < p.len; n++)
		assert_int_equal(orders_step(p.buf, n, &limits, &order, &err), -EPROTO);
	p.buf[p.len - 1] = 2; /* neither open nor not */
	assert_int_equal(orders_step(p.buf, p.len, &limits, &order, &err), -EPROTO);
	p.buf[p.len - 1] = 1;
	p.buf[p.len - 2] = '\0'; /* a NUL inside a string */
	assert_int_equal(orders_step(p.buf, p.len, &limits, &order, &err), -EPROTO);
	packer_done(&p);
	p = step_of(0);
	assert_int_equal(orders_step(p.buf, p.len, &limits, &order, &err), -EPROTO);
	packer_done(&p);
	p = step_of(1);
	limits.v[LIMIT_MEMORY]--;
	assert_int_equal(orders_step(p.buf, p.len, &limits, &order, &err), -EPROTO);
	limits_default(&limits);
	packer_done(&p);
}

static void place(void **state)
{
	uint8_t payload[1 + 2 * (FRAME_PLACE_MAX + 1)];
	struct packer p = packer_fixed(payload, sizeof(payload));
	cpu_set_t set;
	struct err err;

	(void)state;
	pack_u8(&p, 2);
	pack_u16(&p, 0);
	pack_u16(&p, CPU_SETSIZE - 1);
	assert_int_equal(orders_place(payload, p.len, &set, &err), 0);
	assert_int_equal(CPU_COUNT(&set), 2);
	assert_true(CPU_ISSET(0, &set) && CPU_ISSET(CPU_SETSIZE - 1, &set));
	for (size_t n = 0; n < p.len; n++)
		assert_int_equal(orders_place(payload, n, &set, &err), -EPROTO);
	p = packer_fixed(payload, sizeof(payload));
	pack_u8(&p, 1);
	pack_u16(&p, CPU_SETSIZE);
	assert_int_equal(orders_place(payload, p.len, &set, &err), -EPROTO);
	p = packer_fixed(payload, sizeof(payload));
	pack_u8(&p, FRAME_PLACE_MAX + 1);
	for (uint16_t i = 0; i <= FRAME_PLACE_MAX; i++)
		pack_u16(&p, i);
	assert_int_equal(orders_place(payload, p.len, &set, &err), -EPROTO);
	payload[0] = 0;
	assert_int_equal(orders_place(payload, 1, &set, &err), 0);
	assert_int_equal(CPU_COUNT(&set), 0);
}

static void names(void **state)
{
	static const char *const good[] = { "a", "a/b", "...", ".hidden", "a..", "a/..b", " " };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a",
		"a/./b", "a/../b" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(orders_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(orders_name_ok(bad[i]));
}

/* Frames cut into single bytes come out whole; headers that lie are refused. */
static void frames(void **state)
{
	static struct frame_in in;
	static struct frame_out out;
	struct frame frame;
	struct err err;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	in = (struct frame_in){ .fd = fds[0] };
	out = (struct frame_out){ .fd = -1 };
	assert_int_equal(frame_out_put(&out, FRAME_STDIN, "hello", 5), 0);
	for (size_t i = 0; i < out.end; i++) {
		assert_int_equal(frame_in_peek(&in, &frame, &err), 0);
		assert_int_equal(write(fds[1], out.buf + i, 1), 1);
		in.end += (size_t)read(fds[0], in.buf + in.end, 1);
	}
	assert_int_equal(frame_in_peek(&in, &frame, &err), 1);
	assert_int_equal(frame.type, FRAME_STDIN);
	assert_int_equal(frame.len, 5);
	assert_memory_equal(frame.payload, "hello", 5);
	in.buf[2] = 0xff; /* longer than any frame */
	assert_int_equal(frame_in_peek(&in, &frame, &err), -EPROTO);
	in.buf[2] = 0;
	in.buf[6] = 1;
	assert_int_equal(frame_in_peek(&in, &frame, &err), -EPROTO);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* A writer takes what it has room for and no more. */
static void room(void **state)
{
	static struct frame_out out = { .fd = -1 };
	static uint8_t payload[FRAME_PAYLOAD_MAX];
	size_t n = 0;

	(void)state;
	while (frame_out_put(&out, FRAME_STDOUT, payload, sizeof(payload)) == 0)
		n++;
	assert_int_equal(n, 4);
	assert_int_equal(frame_out_room(&out), 0);
	assert_int_equal(frame_out_put(&out, FRAME_STDOUT, NULL, 0), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepare),
		cmocka_unit_test(prepare_refused),
		cmocka_unit_test(step),
		cmocka_unit_test(place),
		cmocka_unit_test(names),
		cmocka_unit_test(frames),
		cmocka_unit_test(room),
	};

	limits_default(&limits);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
