/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "feed.h"
#include "http.h"
#include "jobs.h"
#include "metrics.h"
#include "pages.h"
#include "wire/pack.h"

#define TYPE_JSON    "application/json; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define NODE_MAX     (16U * 1024 * 1024)
#define METRICS_MAX  (16U * 1024 * 1024)

static void write_limits(struct json_text *t, const char *key, const struct limits *limits)
{
	jt_key(t, key);
	jt_open(t, '{');
	for (unsigned i = 0; i < LIMIT_MAX_; i++) {
		jt_key(t, limit_name((enum limit)i));
		if (i == LIMIT_CPUS)
			jt_thousandths(t, limits->v[i]);
		else
			jt_int(t, limits->v[i]);
	}
	jt_close(t, '}');
}

static void write_strv(struct json_text *t, const char *key, const struct strv *sv)
{
	jt_key(t, key);
	jt_open(t, '[');
	for (size_t i = 0; i < sv->n; i++)
		jt_str(t, sv->v[i]);
	jt_close(t, ']');
}

static void write_task(struct json_text *t, const struct task *task)
{
	jt_open(t, '{');
	jt_key(t, "name");
	jt_str(t, task->name);
	jt_key(t, "description");
	jt_str_or_null(t, task->description);
	jt_key(t, "image");
	jt_str(t, task->image);
	write_strv(t, "command", &task->command);
	write_strv(t, "build", &task->build);
	jt_key(t, "main");
	jt_str_or_null(t, task->main);
	jt_key(t, "example");
	jt_str_or_null(t, task->example);
	jt_key(t, "isolation");
	jt_str(t, isolation_name(task->isolation));
	jt_key(t, "network");
	jt_bool(t, task->network);
	jt_key(t, "gpus");
	jt_str_or_null(t, task->gpus);
	jt_key(t, "gpus_shared");
	jt_bool(t, task->gpus_shared);
	jt_key(t, "custom_command");
	jt_bool(t, task->custom_command);
	write_limits(t, "limits", &task->limits);
	write_limits(t, "ceilings", &task->ceilings);
	write_limits(t, "build_limits", &task->build_limits);
	write_strv(t, "collect", &task->collect);
	jt_key(t, "retention_s");
	jt_int(t, task->retention_s);
	jt_close(t, '}');
}

void service_write_tasks(struct json_text *t, const struct config *config)
{
	jt_open(t, '{');
	jt_key(t, "tasks");
	jt_open(t, '[');
	for (size_t i = 0; i < config->n_tasks; i++)
		write_task(t, &config->tasks[i]);
	jt_close(t, ']');
	jt_close(t, '}');
	jt_raw(t, "\n", 1);
}

void service_tasks(struct exchange *ex)
{
	exchange_answer_static(ex, MHD_HTTP_OK, TYPE_JSON, ex->gw->tasks.buf, ex->gw->tasks.len);
	exchange_add_header(ex, "Cache-Control", "no-cache");
}

/* What the driver says of its tasks: is the image there, how many containers wait and work. */
static void write_node_tasks(struct json_text *t, struct unpacker *all)
{
	size_t len;
	const uint8_t *data = unpack_bytes(all, NODE_MAX, &len);
	struct unpacker u = unpacker_of(data, len);
	uint32_t n = len == 0 ? 0 : unpack_u32(&u);
	char text[256];

	jt_key(t, "tasks");
	jt_open(t, '[');
	for (uint32_t i = 0; i < n && !u.failed; i++) {
		jt_open(t, '{');
		unpack_str(&u, text, sizeof(text));
		jt_key(t, "name");
		jt_str(t, text);
		jt_key(t, "ready");
		jt_bool(t, unpack_u8(&u) != 0);
		unpack_str(&u, text, sizeof(text));
		jt_key(t, "image");
		jt_str_or_null(t, text[0] == '\0' ? NULL : text);
		jt_key(t, "warm");
		jt_uint(t, unpack_u32(&u));
		jt_key(t, "busy");
		jt_uint(t, unpack_u32(&u));
		jt_close(t, '}');
	}
	jt_close(t, ']');
	all->failed = all->failed || u.failed;
}

static void write_node_gpus(struct json_text *t, struct unpacker *u)
{
	struct gpu_list list = { 0 };
	char text[GPU_TEXT_MAX];
	uint64_t busy;

	unpack_str(u, text, sizeof(text));
	busy = unpack_u64(u);
	u->failed = u->failed || gpu_list_parse(text, &list) < 0;
	jt_key(t, "gpus");
	jt_open(t, '[');
	for (size_t i = 0; i < list.n; i++) {
		jt_open(t, '{');
		jt_key(t, "id");
		jt_str(t, list.id[i]);
		jt_key(t, "busy");
		jt_bool(t, (busy >> i & 1) != 0);
		jt_close(t, '}');
	}
	jt_close(t, ']');
}

/* The record that the queue writes of its machine (pack_node() in queue/reply.c). */
static bool write_node(struct json_text *t, const struct msg_status *status, const uint8_t *data)
{
	struct unpacker u = unpacker_of(data, (size_t)status->node.len);
	char name[65], engine[201];

	unpack_str(&u, name, sizeof(name));
	unpack_str(&u, engine, sizeof(engine));
	jt_open(t, '{');
	jt_key(t, "name");
	jt_str(t, name);
	jt_key(t, "engine");
	jt_str(t, engine);
	jt_key(t, "engine_up");
	jt_bool(t, status->engine_up != 0);
	jt_key(t, "slots");
	jt_uint(t, unpack_u32(&u));
	jt_key(t, "cpus");
	jt_thousandths(t, unpack_i64(&u));
	jt_key(t, "memory_bytes");
	jt_int(t, unpack_i64(&u));
	jt_key(t, "running");
	jt_uint(t, unpack_u64(&u));
	write_node_tasks(t, &u);
	write_node_gpus(t, &u);
	jt_close(t, '}');
	return !u.failed;
}

/* None while no driver is connected. */
static void on_nodes(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free uint8_t *data = NULL;
	struct err err;
	bool good = blob_read_all(&msg->status.node, NODE_MAX, &data, &err) == 0;

	jt_open(&t, '{');
	jt_key(&t, "nodes");
	jt_open(&t, '[');
	if (good && msg->status.node.len > 0)
		good = write_node(&t, &msg->status, data);
	jt_close(&t, ']');
	jt_close(&t, '}');
	if (good)
		exchange_answer_json(ex, MHD_HTTP_OK, &t);
	else
		exchange_problem(
			ex, PROBLEM_INTERNAL, "the queue's record of its machine is damaged");
}

static void ask_status(struct exchange *ex, bool metrics, exchange_reply *reply)
{
	struct msg msg;

	msg_init(&msg, MSG_STATUS_GET);
	msg.status_get.metrics = metrics;
	exchange_ask(ex, &msg, MSG_STATUS, reply);
}

void service_nodes(struct exchange *ex)
{
	ask_status(ex, false, on_nodes);
}

void service_health(struct exchange *ex)
{
	static const char text[] = "{\"status\":\"ok\"}\n";

	exchange_answer_static(ex, MHD_HTTP_OK, TYPE_JSON, text, sizeof(text) - 1);
	exchange_add_header(ex, "Cache-Control", "no-store");
}

static bool can_ask(const struct exchange *ex)
{
	return upstream_is_up(ex->gw->upstream) && !ex->gw->draining;
}

/* `status`: NULL where the queue is not asked. */
static void answer_ready(struct exchange *ex, const struct msg_status *status)
{
	static const struct {
		size_t offset;
		const char *reason;
	} parts[] = {
		{ offsetof(struct msg_status, store_up), "the store is not there" },
		{ offsetof(struct msg_status, driver_up), "the driver is not there" },
		{ offsetof(struct msg_status, engine_up), "the container engine does not answer" },
	};
	struct json_text t = { 0 };
	bool ready = status != NULL && !ex->gw->draining;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && ready; i++)
		ready = ((const uint8_t *)status)[parts[i].offset] != 0;
	jt_open(&t, '{');
	jt_key(&t, "ready");
	jt_bool(&t, ready);
	jt_key(&t, "reasons");
	jt_open(&t, '[');
	if (ex->gw->draining)
		jt_str(&t, EXCHANGE_STOPPING);
	else if (status == NULL)
		jt_str(&t, "the queue is not there");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status != NULL; i++) {
		if (((const uint8_t *)status)[parts[i].offset] == 0)
			jt_str(&t, parts[i].reason);
	}
	if (status != NULL && status->reason[0] != '\0')
		jt_str(&t, status->reason);
	jt_close(&t, ']');
	jt_close(&t, '}');
	exchange_answer_json(ex, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &t);
	if (!ready)
		exchange_add_header(ex, "Retry-After", "1");
}

static void on_ready(struct exchange *ex, struct msg *msg)
{
	answer_ready(ex, &msg->status);
}

void service_ready(struct exchange *ex)
{
	if (can_ask(ex))
		ask_status(ex, false, on_ready);
	else
		answer_ready(ex, NULL);
}

static void gauge(struct json_text *t, const char *name, const char *help, uint64_t value)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n",
		name, help, name, name, value);

	jt_raw(t, text, (size_t)n);
}

static void add_blob(struct json_text *t, const struct blob *blob)
{
	cleanup_free uint8_t *text = NULL;
	struct err err;

	if (blob_read_all(blob, METRICS_MAX, &text, &err) == 0)
		jt_raw(t, (const char *)text, (size_t)blob->len);
}

/* `status`: NULL where the queue is not asked; the gateway's own figures are there in any case. */
static void answer_metrics(struct exchange *ex, const struct msg_status *status)
{
	struct json_text t = { 0 };

	gauge(&t, "dockgate_queue_up", "Whether the queue answers.",
		upstream_is_up(ex->gw->upstream));
	gauge(&t, "dockgate_http_connections", "Open connections.", http_connections(ex->gw->http));
	gauge(&t, "dockgate_http_requests_pending", "Requests that wait for the queue.",
		upstream_pending(ex->gw->upstream));
	gauge(&t, "dockgate_event_listeners", "Readers of jobs' events.",
		feeds_members(ex->gw->feeds));
	gauge(&t, "dockgate_http_body_bytes", "Memory taken by bodies of requests.",
		ex->gw->body_bytes);
	gauge(&t, "dockgate_http_upload_bytes", "Disk taken by uploads on their way.",
		ex->gw->upload_bytes);
	gauge(&t, "dockgate_http_answer_bytes", "Memory taken by answers.", ex->gw->answer_bytes);
	metrics_write(ex->gw->metrics, &t);
	if (status != NULL)
		add_blob(&t, &status->metrics);
	if (t.failed) {
		jt_done(&t);
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	exchange_answer_bytes(ex, MHD_HTTP_OK, TYPE_METRICS, t.buf, t.len);
	exchange_add_header(ex, "Cache-Control", "no-store");
}

static void on_metrics(struct exchange *ex, struct msg *msg)
{
	answer_metrics(ex, &msg->status);
}

void service_metrics(struct exchange *ex)
{
	if (can_ask(ex))
		ask_status(ex, true, on_metrics);
	else
		answer_metrics(ex, NULL);
}

void service_openapi(struct exchange *ex)
{
	exchange_answer_static(ex, MHD_HTTP_OK, TYPE_JSON, pages_openapi, pages_openapi_len);
	exchange_add_header(ex, "Cache-Control", "no-cache");
}
