/* SPDX-License-Identifier: MIT */
#include "accounts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json_read.h"
#include "common/log.h"
#include "common/number.h"
#include "jobs.h"
#include "member.h"
#include "wire/pack.h"

#define BODY_MAX       (64 * 1024)
#define LIST_MAX       (64U * 1024 * 1024)
#define AUDIT_DEFAULT  100
#define AUDIT_MAX      1000
#define TASKS_MAX      1000
#define REFUSED_LOG_US (INT64_C(10) * 1000 * 1000) /* between two lines of the log */

static void ask(struct exchange *ex, enum client_act act, exchange_reply *reply)
{
	struct msg msg;

	msg_init(&msg, MSG_CLIENT_ASK);
	msg.client_ask.act = (uint8_t)act;
	exchange_ask(ex, &msg, MSG_CLIENT_TELL, reply);
}

/* --- who may come in --- */

static void on_admitted(struct exchange *ex, struct msg *msg)
{
	(void)msg;
	ex->route->handle(ex);
}

void accounts_admit(struct exchange *ex)
{
	const struct config *config = ex->gw->config;

	/* Without the queue nobody knows its clients; those of the configuration are known. */
	if (config->auth == AUTH_NONE ||
		(config_is_open(config) && !upstream_is_up(ex->gw->upstream)))
		ex->route->handle(ex);
	else
		ask(ex, CLIENT_ME, on_admitted);
}

/* The address at the other end; a proxy's where there is one between. */
static void peer_of(const struct exchange *ex, char *ret, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(ex->con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info == NULL ? NULL : info->client_addr;
	const void *host = NULL;

	if (addr != NULL && addr->sa_family == AF_INET)
		host = &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
	else if (addr != NULL && addr->sa_family == AF_INET6)
		host = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
	if (host == NULL || inet_ntop(addr->sa_family, host, ret, (socklen_t)size) == NULL)
		(void)snprintf(ret, size, "the unix socket");
}

void accounts_note_refused(struct exchange *ex)
{
	struct gateway *gw = ex->gw;
	int64_t now_us = clock_us();
	char peer[INET6_ADDRSTRLEN];

	if (gw->refused_logged_us != 0 && now_us - gw->refused_logged_us < REFUSED_LOG_US) {
		gw->refused_unsaid++;
		return;
	}
	peer_of(ex, peer, sizeof(peer));
	log_warning("refused: no good token peer=%s path=%.100s unsaid=%" PRIu64, peer, ex->path,
		gw->refused_unsaid);
	gw->refused_logged_us = now_us;
	gw->refused_unsaid = 0;
}

static void on_me(struct exchange *ex, struct msg *msg)
{
	const struct msg_client_tell *tell = &msg->client_tell;
	cleanup_json struct json_text t = { 0 };

	jt_open(&t, '{');
	jt_key(&t, "client");
	jt_str_or_null(&t, tell->name[0] == '\0' ? NULL : tell->name);
	jt_key(&t, "operator");
	jt_bool(&t, tell->is_operator != 0);
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

void accounts_me(struct exchange *ex)
{
	ask(ex, CLIENT_ME, on_me);
}

/* --- the list --- */

/* 0 is no bound, and null. */
static void write_bound(struct json_text *t, const char *key, uint64_t value)
{
	jt_key(t, key);
	if (value == 0)
		jt_null(t);
	else
		jt_uint(t, value);
}

/* "a,b" as an array, "" as null: all of them. */
static void write_tasks(struct json_text *t, const char *tasks)
{
	jt_key(t, "tasks");
	if (tasks[0] == '\0') {
		jt_null(t);
		return;
	}
	jt_open(t, '[');
	while (*tasks != '\0') {
		size_t n = strcspn(tasks, ",");

		jt_strn(t, tasks, n);
		tasks += n + (tasks[n] == ',');
	}
	jt_close(t, ']');
}

/* As queue/roster.c packs it. */
static void write_client(struct json_text *t, struct unpacker *u)
{
	char name[CLIENT_NAME_MAX + 1], tasks[CLIENT_TASKS_MAX + 1];
	int64_t rate;

	jt_open(t, '{');
	unpack_str(u, name, sizeof(name));
	jt_key(t, "name");
	jt_str(t, name);
	jt_key(t, "configured");
	jt_bool(t, unpack_u8(u) != 0);
	jt_key(t, "operator");
	jt_bool(t, unpack_u8(u) != 0);
	jt_key(t, "weight");
	jt_uint(t, unpack_u32(u));
	write_bound(t, "max_running", unpack_u32(u));
	write_bound(t, "max_queued", unpack_u32(u));
	rate = unpack_i64(u);
	jt_key(t, "rate");
	if (rate == 0)
		jt_null(t);
	else
		jt_thousandths(t, rate);
	write_bound(t, "burst", unpack_u32(u));
	write_bound(t, "max_bytes", (uint64_t)unpack_i64(u));
	unpack_str(u, tasks, sizeof(tasks));
	write_tasks(t, tasks);
	jt_key(t, "queued");
	jt_uint(t, unpack_u32(u));
	jt_key(t, "running");
	jt_uint(t, unpack_u32(u));
	jt_key(t, "added_at");
	jt_time(t, unpack_i64(u));
	jt_key(t, "last_used_at");
	jt_time(t, unpack_i64(u));
	jt_close(t, '}');
}

static void write_entry(struct json_text *t, struct unpacker *u)
{
	static const char *const names[] = { "who", "what", "object", "detail" };
	char text[256];

	jt_open(t, '{');
	jt_key(t, "at");
	jt_time(t, unpack_i64(u));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unpack_str(u, text, sizeof(text));
		jt_key(t, names[i]);
		jt_str_or_null(t, text[0] == '\0' ? NULL : text);
	}
	jt_close(t, '}');
}

static void answer_list(struct exchange *ex, const struct msg_client_tell *tell, const char *key,
	void (*write)(struct json_text *t, struct unpacker *u), bool cursor)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free uint8_t *data = NULL;
	struct unpacker u;
	struct err err;
	char text[24];

	if (blob_read_all(&tell->list, LIST_MAX, &data, &err) < 0) {
		jobs_answer_error(ex, -EIO, &err);
		return;
	}
	u = unpacker_of(data, (size_t)tell->list.len);
	jt_open(&t, '{');
	jt_key(&t, key);
	jt_open(&t, '[');
	while (!u.failed && u.left > 0)
		write(&t, &u);
	jt_close(&t, ']');
	if (cursor) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, tell->cursor);
		jt_key(&t, "cursor");
		jt_str_or_null(&t, tell->cursor == 0 ? NULL : text);
	}
	jt_close(&t, '}');
	if (u.failed)
		exchange_problem(ex, PROBLEM_INTERNAL, "the queue's answer is damaged");
	else
		exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

static void on_list(struct exchange *ex, struct msg *msg)
{
	answer_list(ex, &msg->client_tell, "clients", write_client, false);
}

void accounts_list(struct exchange *ex)
{
	ask(ex, CLIENT_LIST, on_list);
}

static void on_audit(struct exchange *ex, struct msg *msg)
{
	answer_list(ex, &msg->client_tell, "entries", write_entry, true);
}

void accounts_audit(struct exchange *ex)
{
	const char *limit = exchange_param(ex, "limit"), *cursor = exchange_param(ex, "cursor");
	int64_t n = AUDIT_DEFAULT, from = 0;
	struct msg msg;

	if (limit != NULL && !number_parse(limit, 1, AUDIT_MAX, &n)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'limit': expected 1 to %d", AUDIT_MAX);
		return;
	}
	if (cursor != NULL && !number_parse(cursor, 1, INT64_MAX, &from)) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"query parameter 'cursor': expected the cursor of a list");
		return;
	}
	msg_init(&msg, MSG_CLIENT_ASK);
	msg.client_ask.act = CLIENT_AUDIT;
	msg.client_ask.limit = (uint32_t)n;
	msg.client_ask.cursor = (uint64_t)from;
	exchange_ask(ex, &msg, MSG_CLIENT_TELL, on_audit);
}

/* --- a new one --- */

struct adding {
	struct reading rd;
	struct msg_client_ask *ask;
};

/* A whole number from 0 to max, or null for 0. */
static int read_bound(
	struct adding *a, const struct at *at, const json_t *value, int64_t max, int64_t *ret)
{
	int64_t n = 0;
	int r = json_is_null(value) ? 0 : member_whole(&a->rd, at, value, &n);

	if (r == 0 && (n < 0 || n > max))
		r = member_bad(a->rd.err, at, "expected 0 to %" PRId64, max);
	if (r == 0)
		*ret = n;
	return r;
}

static int read_u32(
	struct adding *a, const struct at *at, const json_t *value, int64_t max, uint32_t *ret)
{
	int64_t n = 0;
	int r = read_bound(a, at, value, max, &n);

	if (r == 0)
		*ret = (uint32_t)n;
	return r;
}

static int read_name(struct adding *a, const struct at *at, json_t *value)
{
	const char *name = NULL;
	int r = member_text(&a->rd, at, value, CLIENT_NAME_MAX, &name);

	if (r == 0 && !config_is_name(name))
		r = member_bad(
			a->rd.err, at, "expected a-z, 0-9, '_', '-', a letter or digit first");
	if (r == 0)
		(void)snprintf(a->ask->name, sizeof(a->ask->name), "%s", name);
	return r;
}

static int read_weight(struct adding *a, const struct at *at, json_t *value)
{
	int r = read_u32(a, at, value, CLIENT_WEIGHT_MAX, &a->ask->weight);

	return r == 0 && a->ask->weight == 0
		       ? member_bad(a->rd.err, at, "expected 1 to %d", CLIENT_WEIGHT_MAX)
		       : r;
}

static int read_max_running(struct adding *a, const struct at *at, json_t *value)
{
	return read_u32(a, at, value, CLIENT_JOBS_MAX, &a->ask->max_running);
}

static int read_max_queued(struct adding *a, const struct at *at, json_t *value)
{
	return read_u32(a, at, value, CLIENT_JOBS_MAX, &a->ask->max_queued);
}

static int read_rate(struct adding *a, const struct at *at, json_t *value)
{
	int64_t n = 0;
	int r = json_is_null(value) ? 0 : member_thousandths(&a->rd, at, value, &n);

	if (r == 0 && (n < 0 || n > CLIENT_RATE_MAX))
		r = member_bad(a->rd.err, at, "expected 0 to %" PRId64, CLIENT_RATE_MAX / 1000);
	if (r == 0)
		a->ask->rate = (uint64_t)n;
	return r;
}

static int read_burst(struct adding *a, const struct at *at, json_t *value)
{
	return read_u32(a, at, value, CLIENT_BURST_MAX, &a->ask->burst);
}

static int read_max_bytes(struct adding *a, const struct at *at, json_t *value)
{
	int64_t n = 0;
	int r = read_bound(a, at, value, INT64_C(1) << 46, &n);

	if (r == 0)
		a->ask->max_bytes = (uint64_t)n;
	return r;
}

static int read_tasks(struct adding *a, const struct at *at, json_t *value)
{
	cleanup_strv struct strv names = { 0 };
	char *to = a->ask->tasks;
	size_t n = 0;
	int r = json_is_null(value)
			? 0
			: member_strv(&a->rd, at, value, TASKS_MAX, TASK_NAME_MAX, &names);

	if (r == 0 && !json_is_null(value) && names.n == 0)
		r = member_bad(a->rd.err, at, "expected names of tasks, or null for all");
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!config_is_name(names.v[i]))
			return member_bad(a->rd.err, at, "'%.64s' is no task's name", names.v[i]);
		if (n + strlen(names.v[i]) + 1 > CLIENT_TASKS_MAX)
			return member_bad(a->rd.err, at, "expected %d characters together at most",
				CLIENT_TASKS_MAX);
		n += (size_t)snprintf(
			to + n, CLIENT_TASKS_MAX + 1 - n, "%s%s", i > 0 ? "," : "", names.v[i]);
	}
	return r;
}

static int read_operator(struct adding *a, const struct at *at, json_t *value)
{
	bool is = false;
	int r = member_bool(&a->rd, at, value, &is);

	a->ask->is_operator = is;
	return r;
}

static const struct {
	const char *name;
	int (*read)(struct adding *a, const struct at *at, json_t *value);
} members[] = {
	{ "name", read_name },
	{ "weight", read_weight },
	{ "max_running", read_max_running },
	{ "max_queued", read_max_queued },
	{ "rate", read_rate },
	{ "burst", read_burst },
	{ "max_bytes", read_max_bytes },
	{ "tasks", read_tasks },
	{ "operator", read_operator },
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int read_member(struct adding *a, const char *name, json_t *value)
{
	const struct at at = { NULL, name, 0 };

	for (size_t i = 0; i < N_MEMBERS; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(a, &at, value);
	return member_unknown(a->rd.err, &at);
}

int accounts_parse_client(
	const void *body, size_t body_n, struct msg_client_ask *ret, struct err *err)
{
	struct adding a = { .rd = { .err = err }, .ask = ret };
	const char *name;
	json_error_t why;
	json_t *value;
	json_t *root;
	int r = json_read(body, body_n, JSON_REJECT_DUPLICATES, &root, &why);

	if (r == -ENOMEM)
		return err_set(err, ENOMEM, "the request");
	if (r < 0)
		return err_say(err, EINVAL, "the body is not JSON: line %d, column %d: %.150s",
			why.line, why.column, why.text);
	if (!json_is_object(root))
		r = err_say(err, EINVAL, "the body is not a JSON object");
	json_object_foreach(root, name, value)
	{
		if (r == 0)
			r = read_member(&a, name, value);
	}
	if (r == 0 && ret->name[0] == '\0')
		r = err_say(err, EINVAL, "name: is missing");
	json_decref(root);
	return r;
}

static void on_added(struct exchange *ex, struct msg *msg)
{
	const struct msg_client_tell *tell = &msg->client_tell;
	cleanup_json struct json_text t = { 0 };

	jt_open(&t, '{');
	jt_key(&t, "name");
	jt_str(&t, tell->name);
	jt_key(&t, "token");
	jt_str(&t, tell->secret);
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_CREATED, &t);
}

void accounts_add_begin(struct exchange *ex)
{
	ex->body_max = BODY_MAX;
	if (exchange_has_type(ex, "application/json"))
		ex->body_kind = BODY_MEMORY;
	else
		exchange_problem(ex, PROBLEM_MEDIA_TYPE, "Content-Type: expected application/json");
}

void accounts_add(struct exchange *ex)
{
	struct msg msg;
	struct err err;
	int r;

	msg_init(&msg, MSG_CLIENT_ASK);
	msg.client_ask.act = CLIENT_ADD;
	r = accounts_parse_client(ex->body, ex->body_len, &msg.client_ask, &err);
	if (r < 0)
		jobs_answer_error(ex, r, &err);
	else
		exchange_ask(ex, &msg, MSG_CLIENT_TELL, on_added);
}

static void on_revoked(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };

	jt_open(&t, '{');
	jt_key(&t, "name");
	jt_str(&t, msg->client_tell.name);
	jt_key(&t, "revoked");
	jt_bool(&t, true);
	jt_close(&t, '}');
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

void accounts_revoke(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_CLIENT_ASK);
	msg.client_ask.act = CLIENT_REVOKE;
	if (!config_is_name(ex->id)) {
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such client");
		return;
	}
	(void)snprintf(msg.client_ask.name, sizeof(msg.client_ask.name), "%s", ex->id);
	exchange_ask(ex, &msg, MSG_CLIENT_TELL, on_revoked);
}
