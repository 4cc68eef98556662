/* SPDX-License-Identifier: MIT */
/*
 * Plays the driver, without containers: every job that the queue hands over ends at
 * once, "ok", with one line of output. So what a job costs the gateway, the queue and
 * its store can be measured by itself.
 *
 *	driver CONFIG [SLOTS]
 *
 * Ends when the queue does.
 */
#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/role.h"
#include "wire/channel.h"
#include "wire/pack.h"
#include "wire/result.h"

static struct {
	struct event_base *base;
	struct channel *ch;
	uint32_t slots;
	struct blob result;
} driver;

static const char output[] = "hello\n";

static void say(const struct msg *msg)
{
	struct err err;

	if (channel_send(driver.ch, msg, &err) < 0)
		errx(1, "%s", err.msg);
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	cleanup_msg struct msg msg;

	(void)ch;
	(void)hello;
	(void)arg;
	msg_init(&msg, MSG_NODE);
	msg.node.engine_up = 1;
	msg.node.slots = driver.slots;
	msg.node.cpus = INT64_C(1000000);
	msg.node.memory_bytes = INT64_C(1) << 50;
	(void)snprintf(msg.node.engine, sizeof(msg.node.engine), "none");
	say(&msg);
}

static void end_at_once(const struct msg_run *run)
{
	cleanup_msg struct msg started, ending;

	msg_init(&started, MSG_STARTED);
	started.started.id = run->id;
	started.started.attempt = run->attempt;
	started.started.started_ms = clock_unix_ms();
	say(&started);
	msg_init(&ending, MSG_ENDING);
	ending.ending.id = run->id;
	ending.ending.attempt = run->attempt;
	ending.ending.verdict = VERDICT_OK;
	ending.ending.finished_ms = clock_unix_ms();
	(void)snprintf(ending.ending.image, sizeof(ending.ending.image),
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	ending.ending.result =
		(struct blob){ .len = driver.result.len, .data = driver.result.data, .fd = -1 };
	ending.ending.out = (struct blob){
		.len = sizeof(output) - 1, .data = (uint8_t *)(uintptr_t)output, .fd = -1
	};
	say(&ending);
	ending.ending.result = BLOB_EMPTY;
	ending.ending.out = BLOB_EMPTY;
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	(void)ch;
	(void)arg;
	if (msg->type == MSG_RUN)
		end_at_once(&msg->run);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	(void)ch;
	(void)why;
	(void)arg;
	(void)event_base_loopbreak(driver.base);
}

static const struct channel_ops ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

/* What the real driver says of a small program. */
static void make_result(void)
{
	struct step_result step = {
		.finding = { .verdict = VERDICT_OK, .limit = LIMIT_MAX_ },
		.wall_us = 700,
		.cpu_us = 400,
		.memory_peak_bytes = 400000,
		.processes_peak = 1,
		.out = { .bytes = sizeof(output) - 1 },
	};
	struct result result;
	struct err err;

	result_init(&result);
	result.finding = step.finding;
	result.steps = &step;
	result.n_steps = 1;
	if (result_pack(&result, &driver.result, &err) < 0)
		errx(1, "%s", err.msg);
}

int main(int argc, char **argv)
{
	struct config *config;
	struct channel_self self = { .instance = 1 };
	char path[256];
	struct err err;

	if (argc < 2)
		errx(2, "usage: driver CONFIG [SLOTS]");
	driver.slots = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
	make_result();
	if (config_load(argv[1], NULL, NULL, &config, &err) < 0 ||
		role_socket_path(config, SOCKET_QUEUE_DRIVER, path, sizeof(path), &err) < 0)
		errx(1, "%s", err.msg);
	driver.base = event_base_new();
	if (driver.base == NULL)
		errx(1, "event_base_new");
	self.generation = config->generation;
	self.node = config->node;
	if (channel_connect(driver.base, path, ROLE_DRIVER, ROLE_QUEUE, &self, &ops, NULL,
		    &driver.ch, &err) < 0)
		errx(1, "%s", err.msg);
	(void)event_base_dispatch(driver.base);
	channel_free(driver.ch);
	event_base_free(driver.base);
	blob_done(&driver.result);
	config_free(config);
	return 0;
}
