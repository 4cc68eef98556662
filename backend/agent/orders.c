/* SPDX-License-Identifier: MIT */
#include "orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "wire/pack.h"

#define UID_CEILING 0x7fffffffU

static int take_limits(struct unpacker *u, struct limits *ret, struct err *err)
{
	uint8_t n = unpack_u8(u);

	if (n != LIMIT_MAX_)
		return err_say(err, EPROTO, "%d limits where %d are known", n, LIMIT_MAX_);
	for (int i = 0; i < LIMIT_MAX_; i++)
		ret->v[i] = unpack_i64(u);
	if (u->failed)
		return err_say(err, EPROTO, "limits cut short");
	for (int i = 0; i < LIMIT_MAX_; i++)
		if (ret->v[i] < limit_min((enum limit)i) || ret->v[i] > INT64_MAX / 4096)
			return err_say(
				err, EPROTO, "limit %s out of range", limit_name((enum limit)i));
	return 0;
}

int orders_prepare(const uint8_t *p, size_t n, struct prepare_order *ret, struct err *err)
{
	struct unpacker u = unpacker_of(p, n);
	struct prepare_order order = { 0 };
	uint16_t version = unpack_u16(&u);
	uint8_t kill, network, isolation;
	int r;

	if (version != FRAME_VERSION)
		return err_say(err, EPROTO, "version %u, not %d", version, FRAME_VERSION);
	order.agent_uid = unpack_u32(&u);
	order.job_uid = unpack_u32(&u);
	r = take_limits(&u, &order.limits, err);
	if (r < 0)
		return r;
	kill = unpack_u8(&u);
	network = unpack_u8(&u);
	isolation = unpack_u8(&u);
	if (!unpack_end(&u) || kill > 1 || network > 1 || isolation > FRAME_ISOLATION_SANDBOX)
		return err_say(err, EPROTO, "PREPARE malformed");
	if (order.agent_uid == 0 || order.job_uid == 0 || order.agent_uid == order.job_uid ||
		order.agent_uid > UID_CEILING || order.job_uid > UID_CEILING)
		return err_say(err, EPROTO, "uids %u and %u", order.agent_uid, order.job_uid);
	order.kill_at_output = kill == 1;
	order.network = network == 1;
	order.sandbox = isolation == FRAME_ISOLATION_SANDBOX;
	if (order.sandbox && order.network)
		return err_say(err, EPROTO, "a sandbox with a network");
	*ret = order;
	return 0;
}

/* Appends `count` strings to the order, each with its NUL. */
static int take_strings(struct unpacker *u, uint32_t count, struct step_order *order)
{
	for (uint32_t i = 0; i < count; i++) {
		size_t n;
		const uint8_t *at = unpack_bytes(u, SIZE_MAX, &n);

		if (at == NULL || memchr(at, 0, n) != NULL)
			return -EPROTO;
		memcpy(order->strings + order->strings_len, at, n);
		order->strings[order->strings_len + n] = '\0';
		order->strings_len += n + 1;
	}
	return 0;
}

int orders_step(const uint8_t *p, size_t n, const struct limits *most, struct step_order *ret,
	struct err *err)
{
	struct unpacker u = unpacker_of(p, n);
	struct step_order order = { 0 };
	cleanup_free char *strings = NULL;
	uint8_t kind = unpack_u8(&u), open;
	int r;

	if (kind != FRAME_STEP_BUILD && kind != FRAME_STEP_CASE)
		return err_say(err, EPROTO, "kind of step %u", kind);
	order.kind = (enum frame_step)kind;
	r = take_limits(&u, &order.limits, err);
	if (r < 0)
		return r;
	for (int i = 0; i < LIMIT_MAX_; i++)
		if (order.limits.v[i] > most->v[i])
			return err_say(err, EPROTO, "limit %s above what was prepared",
				limit_name((enum limit)i));
	/* A string takes 4 bytes of length in the frame and 1 of NUL here: n is room enough. */
	order.strings = strings = malloc(n + 1);
	if (strings == NULL)
		return err_set(err, ENOMEM, "step");
	order.argc = unpack_u32(&u);
	if (order.argc == 0 || order.argc > ORDERS_ARGS_MAX ||
		take_strings(&u, order.argc, &order) < 0)
		return err_say(err, EPROTO, "STEP: bad arguments");
	order.envc = unpack_u32(&u);
	if (order.envc > ORDERS_ARGS_MAX || take_strings(&u, order.envc, &order) < 0)
		return err_say(err, EPROTO, "STEP: bad environment");
	open = unpack_u8(&u);
	if (!unpack_end(&u) || open > 1)
		return err_say(err, EPROTO, "STEP malformed");
	order.open_input = open == 1;
	*ret = order;
	(void)TAKE_PTR(strings);
	return 0;
}

int orders_place(const uint8_t *p, size_t n, cpu_set_t *ret, struct err *err)
{
	struct unpacker u = unpacker_of(p, n);
	uint8_t count = unpack_u8(&u);

	CPU_ZERO(ret);
	for (int i = 0; i < count; i++) {
		uint16_t processor = unpack_u16(&u);

		if (processor >= CPU_SETSIZE)
			return err_say(err, EPROTO, "PLACE: processor %u", processor);
		CPU_SET(processor, ret);
	}
	if (!unpack_end(&u) || count > FRAME_PLACE_MAX)
		return err_say(err, EPROTO, "PLACE malformed");
	return 0;
}

bool orders_name_ok(const char *name)
{
	for (const char *at = name;; at++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && memcmp(at, "..", 2) == 0))
			return false;
		at += n;
		if (*at == '\0')
			return true;
	}
}

int orders_file(const uint8_t *p, size_t n, struct file_order *ret, struct err *err)
{
	struct unpacker u = unpacker_of(p, n);

	unpack_str(&u, ret->name, sizeof(ret->name));
	ret->mode = unpack_u32(&u);
	ret->bytes = unpack_u64(&u);
	if (!unpack_end(&u) || (ret->mode != 0644 && ret->mode != 0755))
		return err_say(err, EPROTO, "FILE malformed");
	if (!orders_name_ok(ret->name))
		return err_say(err, EPROTO, "FILE: bad name");
	return 0;
}

int orders_collect(const uint8_t *p, size_t n, struct collect_order *ret, struct err *err)
{
	struct unpacker u = unpacker_of(p, n);
	struct collect_order order = { 0 };
	uint32_t count;
	uint8_t copy;

	order.files_max = unpack_u32(&u);
	order.bytes_max = unpack_u64(&u);
	count = unpack_u32(&u);
	if (u.failed || count > ORDERS_GLOBS_MAX)
		return err_say(err, EPROTO, "COLLECT malformed");
	for (; order.n < count; order.n++) {
		order.globs[order.n] = unpack_strdup(&u, ORDERS_GLOB_MAX);
		if (order.globs[order.n] == NULL)
			break;
	}
	copy = unpack_u8(&u);
	order.copy = copy == 1;
	if (!unpack_end(&u) || copy > 1) {
		collect_order_done(&order);
		if (u.no_memory)
			return err_set(err, ENOMEM, "COLLECT");
		return err_say(err, EPROTO, "COLLECT: bad globs");
	}
	*ret = order;
	return 0;
}

void step_order_done(struct step_order *order)
{
	free(order->strings);
	*order = (struct step_order){ 0 };
}

void collect_order_done(struct collect_order *order)
{
	for (uint32_t i = 0; i < order->n; i++)
		free(order->globs[i]);
	*order = (struct collect_order){ 0 };
}
