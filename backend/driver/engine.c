/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/curl_loop.h"
#include "common/json_read.h"
#include "common/log.h"
#include "engine_count.h"

#define PING_MS          3000
#define PING_EVERY_MS    3000
#define RETRY_FIRST_MS   100
#define RETRY_MOST_MS    3000
#define REPLY_MAX        (4 * 1024 * 1024)
#define CERT_BYTES_MAX   (1024 * 1024)
#define CONNECTIONS_MAX  16
#define LINES_MAX        100000              /* with TLS, where lines are in curl's pool, too */
#define CONNECTION_AGE_S (10 * 365 * 86400L) /* idle ones stay: the engine closes its end */

enum engine_state { ENGINE_DOWN, ENGINE_UP };

struct call {
	LIST_ENTRY(call) link;
	struct engine *engine;
	CURL *easy;                 /* owned */
	struct curl_slist *headers; /* owned */
	engine_done_fn done;
	void *arg;
	char *body; /* owned; of the answer */
	size_t len, cap, most;
	bool too_long;
	enum engine_operation operation;
	int64_t began_us;
};

struct engine_line {
	LIST_ENTRY(engine_line) link;
	struct engine *engine;
	CURL *easy; /* owned; NULL once the connection is ours alone */
	int fd;     /* owned where easy is NULL, else curl's */
	bool tls;
	engine_dial_fn done; /* NULL once called */
	void *arg;
};

struct engine {
	struct event_base *base;
	struct engine_where where;
	const struct engine_watch *watch;
	void *arg;
	struct curl_loop curl;
	struct event *ping_timer;
	LIST_HEAD(, call) calls;
	LIST_HEAD(, engine_line) lines;
	enum engine_state state;
	bool told; /* `watch` has heard of the state */
	bool pinging;
	bool connect_asked;
	int retry_ms;
	int api_minor;
	char prefix[16];
	struct engine_counts counts;
};

/* ---- where it is ---- */

static int read_pem(const char *dir, const char *name, char **ret, size_t *ret_len, struct err *err)
{
	char path[PATH_MAX];
	cleanup_fclose FILE *f = NULL;
	cleanup_free char *text = malloc(CERT_BYTES_MAX);
	size_t n;

	if (text == NULL)
		return err_set(err, ENOMEM, "certificate");
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "DOCKER_CERT_PATH");
	f = fopen(path, "re");
	if (f == NULL)
		return err_set(err, errno, "open '%s'", path);
	n = fread(text, 1, CERT_BYTES_MAX, f);
	if (ferror(f) || n == 0 || n == CERT_BYTES_MAX)
		return err_say(err, EINVAL, "'%s' is no certificate", path);
	*ret = TAKE_PTR(text);
	*ret_len = n;
	return 0;
}

static int read_certificates(struct engine_where *where, struct err *err)
{
	const char *dir = getenv("DOCKER_CERT_PATH");
	const char *verify = getenv("DOCKER_TLS_VERIFY");
	int r;

	where->verify = verify != NULL && verify[0] != '\0';
	where->tls = where->verify || (dir != NULL && dir[0] != '\0');
	if (!where->tls)
		return 0;
	if (dir == NULL || dir[0] == '\0')
		return err_say(err, EINVAL, "DOCKER_TLS_VERIFY is set, DOCKER_CERT_PATH is not");
	r = read_pem(dir, "ca.pem", &where->ca, &where->ca_len, err);
	if (r == 0)
		r = read_pem(dir, "cert.pem", &where->cert, &where->cert_len, err);
	if (r == 0)
		r = read_pem(dir, "key.pem", &where->key, &where->key_len, err);
	return r;
}

static int parse_api_version(const char *text, int *ret_minor, struct err *err)
{
	char *end;
	long minor;

	if (text == NULL || text[0] == '\0')
		return 0;
	if (strncmp(text, "1.", 2) != 0 || text[2] < '0' || text[2] > '9')
		return err_say(err, EINVAL, "DOCKER_API_VERSION '%s': expected 1.NN", text);
	minor = strtol(text + 2, &end, 10);
	if (*end != '\0' || minor < ENGINE_API_FLOOR || minor > 999)
		return err_say(err, EINVAL, "DOCKER_API_VERSION '%s': expected 1.%d or later", text,
			ENGINE_API_FLOOR);
	*ret_minor = (int)minor;
	return 0;
}

static int parse_host(const char *host, struct engine_where *where, struct err *err)
{
	if (strncmp(host, "unix://", 7) == 0 && host[7] == '/') {
		where->unix_path = strdup(host + 7);
		return where->unix_path == NULL ? err_set(err, ENOMEM, "docker_host") : 0;
	}
	if (strncmp(host, "tcp://", 6) == 0 && host[6] != '\0' &&
		strpbrk(host + 6, "/@?# ") == NULL) {
		where->authority = strdup(host + 6);
		if (where->authority == NULL)
			return err_set(err, ENOMEM, "docker_host");
		return read_certificates(where, err);
	}
	return err_say(
		err, EINVAL, "docker_host '%s': expected unix:///path or tcp://host:port", host);
}

int engine_where_parse(const char *host, struct engine_where *ret, struct err *err)
{
	struct engine_where where = { 0 };
	int r;

	if (host == NULL || host[0] == '\0')
		host = getenv("DOCKER_HOST");
	if (host == NULL || host[0] == '\0')
		host = "unix:///var/run/docker.sock";
	r = parse_host(host, &where, err);
	if (r == 0)
		r = parse_api_version(getenv("DOCKER_API_VERSION"), &where.api_minor, err);
	if (r < 0) {
		engine_where_done(&where);
		return r;
	}
	*ret = where;
	return 0;
}

void engine_where_done(struct engine_where *where)
{
	free(where->unix_path);
	free(where->authority);
	free(where->ca);
	free(where->cert);
	if (where->key != NULL)
		explicit_bzero(where->key, where->key_len);
	free(where->key);
	*where = (struct engine_where){ 0 };
}

static void arm(struct event *timer, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(timer, &tv);
}

/* ---- calls ---- */

static void call_free(struct call *call)
{
	LIST_REMOVE(call, link);
	(void)curl_multi_remove_handle(call->engine->curl.multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->body);
	free(call);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	size_t bytes = size * n;

	if (bytes > call->most - call->len) {
		call->too_long = true;
		return 0;
	}
	if (call->len + bytes + 1 > call->cap) {
		size_t cap = call->cap * 2 + bytes + 1024;
		char *body = realloc(call->body, cap);

		if (body == NULL)
			return 0;
		call->body = body;
		call->cap = cap;
	}
	memcpy(call->body + call->len, data, bytes);
	call->len += bytes;
	call->body[call->len] = '\0';
	return bytes;
}

static void set_tls(const struct engine_where *where, CURL *easy)
{
	struct curl_blob ca = { where->ca, where->ca_len, CURL_BLOB_NOCOPY };
	struct curl_blob cert = { where->cert, where->cert_len, CURL_BLOB_NOCOPY };
	struct curl_blob key = { where->key, where->key_len, CURL_BLOB_NOCOPY };

	(void)curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's, too */
	(void)curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
	(void)curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, where->verify ? 1L : 0L);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, where->verify ? 2L : 0L);
}

/* What calls and dials have in common. */
static int set_target(const struct engine *engine, CURL *easy, const char *path, struct err *err)
{
	const struct engine_where *where = &engine->where;
	cleanup_free char *url = NULL;

	if (asprintf(&url, "%s://%s%s", where->tls ? "https" : "http",
		    where->unix_path != NULL ? "docker" : where->authority, path) < 0) {
		url = NULL;
		return err_set(err, ENOMEM, "engine");
	}
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)PING_MS);
	(void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
	if (where->unix_path != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, where->unix_path);
	if (where->tls)
		set_tls(where, easy);
	return 0;
}

static int set_body(struct call *call, const struct engine_request *request, struct err *err)
{
	char type[128];
	struct curl_slist *list;

	(void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->body == NULL && strcmp(request->method, "POST") != 0)
		return 0;
	(void)snprintf(type, sizeof(type), "Content-Type: %s",
		request->content_type == NULL ? "application/json" : request->content_type);
	/* An "Expect: 100-continue" would cost a round trip. */
	list = curl_slist_append(NULL, "Expect:");
	if (list != NULL && request->body != NULL)
		list = curl_slist_append(list, type);
	if (list == NULL)
		return err_set(err, ENOMEM, "engine");
	call->headers = list;
	(void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, list);
	(void)curl_easy_setopt(call->easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(
		call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	if (curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS,
		    request->body == NULL ? "" : (const char *)request->body) != CURLE_OK)
		return err_set(err, ENOMEM, "engine");
	return 0;
}

static int call_set(
	struct call *call, const struct engine_request *request, bool bare, struct err *err)
{
	cleanup_free char *path = NULL;
	int r;

	if (asprintf(&path, "%s%s", bare ? "" : call->engine->prefix, request->path) < 0) {
		path = NULL;
		return err_set(err, ENOMEM, "engine");
	}
	r = set_target(call->engine, call->easy, path, err);
	if (r == 0)
		r = set_body(call, request, err);
	(void)curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS,
		request->timeout_ms > 0 ? request->timeout_ms : (long)ENGINE_CALL_MS);
	(void)curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	(void)curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	return r;
}

static int begin_call(struct engine *engine, const struct engine_request *request, bool bare,
	engine_done_fn done, void *arg, struct err *err)
{
	struct call *call = calloc(1, sizeof(*call));
	int r;

	if (call == NULL)
		return err_set(err, ENOMEM, "engine");
	call->engine = engine;
	call->done = done;
	call->arg = arg;
	call->operation = engine_operation_of(request->method, request->path);
	call->began_us = clock_us();
	call->most = request->reply_max > 0 ? request->reply_max : REPLY_MAX;
	call->easy = curl_easy_init();
	LIST_INSERT_HEAD(&engine->calls, call, link);
	r = call->easy == NULL ? err_set(err, ENOMEM, "engine")
			       : call_set(call, request, bare, err);
	if (r == 0 && curl_multi_add_handle(engine->curl.multi, call->easy) != CURLM_OK)
		r = err_set(err, ENOMEM, "engine");
	if (r < 0)
		call_free(call);
	return r;
}

int engine_call(struct engine *engine, const struct engine_request *request, engine_done_fn done,
	void *arg, struct err *err)
{
	return begin_call(engine, request, false, done, arg, err);
}

static enum engine_fault fault_of(CURLcode code, bool too_long)
{
	if (too_long)
		return ENGINE_GARBLED;
	switch (code) {
	case CURLE_OK:
		return ENGINE_FINE;
	case CURLE_OPERATION_TIMEDOUT:
		return ENGINE_LATE;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return ENGINE_AWAY;
	default:
		return ENGINE_GARBLED;
	}
}

void engine_message(const struct engine_reply *reply, char *ret, size_t size)
{
	json_t *root = json_loadb(reply->body, reply->len, 0, NULL);
	const char *text = json_string_value(json_object_get(root, "message"));

	(void)snprintf(
		ret, size, "%s (HTTP %d)", text != NULL ? text : "no reason given", reply->status);
	json_decref(root);
}

enum engine_tried engine_tried(const struct engine_reply *reply)
{
	if (reply->fault == ENGINE_AWAY || reply->fault == ENGINE_LATE)
		return ENGINE_UNANSWERED;
	/* The name of containerd's code is the last word of the engine's message. */
	return reply->fault == ENGINE_REFUSED && reply->status == 500 &&
			       strstr(reply->why, ": unavailable (HTTP 500)") != NULL
		       ? ENGINE_CANNOT
		       : ENGINE_TRIED;
}

static void fill_reply(struct call *call, CURLcode code, struct engine_reply *reply)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->fault = fault_of(code, call->too_long);
	reply->status = reply->fault == ENGINE_FINE ? (int)status : 0;
	reply->body = call->body == NULL ? "" : call->body;
	reply->len = call->len;
	if (reply->fault == ENGINE_FINE && status >= 400) {
		reply->fault = ENGINE_REFUSED;
		engine_message(reply, reply->why, sizeof(reply->why));
	} else if (reply->fault == ENGINE_GARBLED) {
		(void)snprintf(reply->why, sizeof(reply->why), "the engine's answer is %s",
			call->too_long ? "too long" : "broken");
	} else if (reply->fault != ENGINE_FINE) {
		(void)snprintf(reply->why, sizeof(reply->why), "%s: %s",
			reply->fault == ENGINE_LATE ? "the engine does not answer in time"
						    : "the engine cannot be reached",
			curl_easy_strerror(code));
	}
}

static void end_call(struct call *call, CURLcode code)
{
	struct engine *engine = call->engine;
	struct engine_reply reply = { 0 };
	engine_done_fn done = call->done;
	void *arg = call->arg;
	char *body;

	fill_reply(call, code, &reply);
	engine_count(&engine->counts, call->operation, reply.fault, clock_us() - call->began_us);
	body = TAKE_PTR(call->body); /* what the reply points into */
	call_free(call);
	if (reply.fault == ENGINE_AWAY)
		engine_suspect(engine);
	done(&reply, arg);
	free(body);
}

static void leave_curl(struct engine_line *line)
{
	if (line->easy == NULL)
		return;
	(void)curl_multi_remove_handle(line->engine->curl.multi, line->easy);
	curl_easy_cleanup(line->easy);
	line->easy = NULL;
}

/*
 * Curl keeps a connection that it has made in its pool of idle ones, and closes it when it is two
 * minutes old or the pool is full, whoever reads from it. So it is taken out of there; with TLS it
 * cannot be, and the pool is told to keep it (set_target(), engine_new()).
 */
static int take_connection(struct engine_line *line, CURLcode code)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (code == CURLE_OK)
		(void)curl_easy_getinfo(line->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return -1;
	curl_loop_unwatch(&line->engine->curl, fd);
	line->fd = fd;
	if (line->tls)
		return 0;
	line->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	leave_curl(line);
	return line->fd < 0 ? -1 : 0;
}

static void end_dial(struct engine_line *line, CURLcode code)
{
	engine_dial_fn done = line->done;

	line->done = NULL;
	if (take_connection(line, code) < 0) {
		engine_suspect(line->engine);
		done(NULL, -1,
			code == CURLE_OK ? "no descriptor is left" : curl_easy_strerror(code),
			line->arg);
		engine_hangup(line);
		return;
	}
	done(line, line->fd, NULL, line->arg);
}

static struct engine_line *line_of(struct engine *engine, CURL *easy)
{
	struct engine_line *line;

	LIST_FOREACH(line, &engine->lines, link)
	if (line->easy == easy)
		return line;
	return NULL;
}

static void transfer_ended(CURL *easy, CURLcode code, void *arg)
{
	struct engine *engine = arg;
	struct engine_line *line;
	struct call *call = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	line = call == NULL ? line_of(engine, easy) : NULL;
	if (call != NULL)
		end_call(call, code);
	else if (line != NULL && line->done != NULL)
		end_dial(line, code);
}

json_t *engine_json(const struct engine_reply *reply, json_type type, struct err *err)
{
	json_error_t why;
	json_t *root = NULL;
	int r;

	if (reply->fault != ENGINE_FINE) {
		(void)err_say(err, EIO, "%s", reply->why);
		return NULL;
	}
	r = json_read(reply->body, reply->len, JSON_ALLOW_NUL, &root, &why);
	if (r == -ENOMEM) {
		(void)err_set(err, ENOMEM, "the engine's answer");
		return NULL;
	}
	if (r < 0 || json_typeof(root) != type) {
		json_decref(root);
		(void)err_say(err, EPROTO, "the engine's answer is not the JSON that was expected");
		return NULL;
	}
	return root;
}

/* ---- a bare line ---- */

int engine_dial(struct engine *engine, engine_dial_fn done, void *arg, struct engine_line **ret,
	struct err *err)
{
	struct engine_line *line = calloc(1, sizeof(*line));
	int r;

	if (line == NULL)
		return err_set(err, ENOMEM, "engine");
	line->engine = engine;
	line->fd = -1;
	line->tls = engine->where.tls;
	line->done = done;
	line->arg = arg;
	LIST_INSERT_HEAD(&engine->lines, line, link);
	line->easy = curl_easy_init();
	r = line->easy == NULL ? err_set(err, ENOMEM, "engine")
			       : set_target(engine, line->easy, "/", err);
	if (r == 0) {
		(void)curl_easy_setopt(line->easy, CURLOPT_CONNECT_ONLY, 1L);
		(void)curl_easy_setopt(line->easy, CURLOPT_FRESH_CONNECT, 1L);
		if (curl_multi_add_handle(engine->curl.multi, line->easy) != CURLM_OK)
			r = err_set(err, ENOMEM, "engine");
	}
	if (r < 0) {
		engine_hangup(line);
		return r;
	}
	*ret = line;
	return 0;
}

static ssize_t curl_result(CURLcode code, size_t n)
{
	if (code == CURLE_OK)
		return (ssize_t)n;
	return code == CURLE_AGAIN ? -EAGAIN : -EIO;
}

ssize_t engine_line_read(struct engine_line *line, void *buf, size_t n)
{
	size_t got = 0;
	CURLcode code;
	ssize_t r;

	if (line->tls) {
		code = curl_easy_recv(line->easy, buf, n, &got);
		return curl_result(code, got);
	}
	do {
		r = recv(line->fd, buf, n, MSG_DONTWAIT);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t engine_line_write(struct engine_line *line, const void *buf, size_t n)
{
	size_t sent = 0;
	CURLcode code;
	ssize_t r;

	if (line->tls) {
		code = curl_easy_send(line->easy, buf, n, &sent);
		return curl_result(code, sent);
	}
	do {
		r = send(line->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

void engine_line_end(struct engine_line *line)
{
	(void)shutdown(line->fd, SHUT_WR);
}

void engine_hangup(struct engine_line *line)
{
	if (line == NULL)
		return;
	LIST_REMOVE(line, link);
	if (line->easy == NULL && line->fd >= 0)
		(void)close(line->fd);
	else if (line->fd >= 0)
		curl_loop_unwatch(&line->engine->curl, line->fd);
	leave_curl(line);
	free(line);
}

/* ---- is it there? ---- */

static void set_down(struct engine *engine, const char *why)
{
	bool news = !engine->told || engine->state == ENGINE_UP;

	engine->state = ENGINE_DOWN;
	engine->told = true;
	arm(engine->ping_timer, engine->retry_ms);
	engine->retry_ms =
		engine->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : engine->retry_ms * 2;
	if (news)
		engine->watch->down(why, engine->arg);
}

static void set_up(struct engine *engine)
{
	bool news = !engine->told || engine->state == ENGINE_DOWN;

	engine->state = ENGINE_UP;
	engine->told = true;
	engine->retry_ms = RETRY_FIRST_MS;
	arm(engine->ping_timer, PING_EVERY_MS);
	if (news)
		engine->watch->up(engine->arg);
}

/* The 41 of "1.41"; 0 for anything else. */
static int minor_of(const char *version)
{
	char *end;
	long minor;

	if (version == NULL || strncmp(version, "1.", 2) != 0)
		return 0;
	minor = strtol(version + 2, &end, 10);
	return *end == '\0' && minor > 0 && minor < 1000 ? (int)minor : 0;
}

int engine_agree(const char *body, size_t len, int most, int *ret_minor, struct err *err)
{
	json_error_t why;
	json_t *root = NULL;
	int minor = most;
	int theirs, floor;

	if (json_read(body, len, 0, &root, &why) == -ENOMEM)
		return err_set(err, ENOMEM, "the engine's version");
	theirs = minor_of(json_string_value(json_object_get(root, "ApiVersion")));
	floor = minor_of(json_string_value(json_object_get(root, "MinAPIVersion")));
	json_decref(root);
	if (theirs <= 0)
		return err_say(err, EPROTO, "what answers there is no Docker Engine");
	if (minor > theirs)
		minor = theirs;
	if (minor < ENGINE_API_FLOOR || minor < floor)
		return err_say(err, EPROTONOSUPPORT,
			"the engine speaks API 1.%d to 1.%d, expected 1.%d to 1.%d", floor, theirs,
			ENGINE_API_FLOOR, ENGINE_API_MINOR);
	*ret_minor = minor;
	return 0;
}

static void on_version(const struct engine_reply *reply, void *arg)
{
	struct engine *engine = arg;
	int most = engine->where.api_minor > 0 ? engine->where.api_minor : ENGINE_API_MINOR;
	struct err err;

	engine->pinging = false;
	if (reply->fault != ENGINE_FINE) {
		set_down(engine, reply->why);
	} else if (engine_agree(reply->body, reply->len, most, &engine->api_minor, &err) < 0) {
		set_down(engine, err.msg);
	} else {
		(void)snprintf(engine->prefix, sizeof(engine->prefix), "/v1.%d", engine->api_minor);
		set_up(engine);
	}
}

static void on_pong(const struct engine_reply *reply, void *arg)
{
	struct engine *engine = arg;
	struct err err;

	if (reply->fault != ENGINE_FINE) {
		engine->pinging = false;
		set_down(engine, reply->why);
		return;
	}
	if (engine->state == ENGINE_UP) {
		engine->pinging = false;
		set_up(engine);
		return;
	}
	/* Agreed anew after each absence: it may be another engine's version that came back. */
	if (begin_call(engine,
		    &(struct engine_request){
			    .method = "GET", .path = "/version", .timeout_ms = PING_MS },
		    true, on_version, engine, &err) < 0) {
		engine->pinging = false;
		set_down(engine, err.msg);
	}
}

static void ping(struct engine *engine)
{
	const struct engine_request request = {
		.method = "GET", .path = "/_ping", .timeout_ms = PING_MS, .reply_max = 4096
	};
	struct err err;

	if (engine->pinging)
		return;
	(void)event_del(engine->ping_timer);
	engine->pinging = true;
	if (begin_call(engine, &request, true, on_pong, engine, &err) < 0) {
		engine->pinging = false;
		set_down(engine, err.msg);
	}
}

static void on_ping_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ping(arg);
}

void engine_connect(struct engine *engine)
{
	engine->connect_asked = true;
	ping(engine);
}

void engine_suspect(struct engine *engine)
{
	if (engine->connect_asked && engine->state == ENGINE_UP)
		ping(engine);
}

bool engine_is_up(const struct engine *engine)
{
	return engine->state == ENGINE_UP;
}

const struct engine_counts *engine_counts(const struct engine *engine)
{
	return &engine->counts;
}

int engine_api_minor(const struct engine *engine)
{
	return engine->api_minor;
}

const char *engine_prefix(const struct engine *engine)
{
	return engine->prefix;
}

const char *engine_host(const struct engine *engine)
{
	return engine->where.unix_path != NULL ? "docker" : engine->where.authority;
}

int engine_new(struct event_base *base, struct engine_where *where,
	const struct engine_watch *watch, void *arg, struct engine **ret, struct err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (engine == NULL)
		return err_set(err, ENOMEM, "engine");
	LIST_INIT(&engine->calls);
	LIST_INIT(&engine->lines);
	engine->base = base;
	engine->where = *where;
	*where = (struct engine_where){ 0 };
	engine->watch = watch;
	engine->arg = arg;
	engine->retry_ms = RETRY_FIRST_MS;
	engine->ping_timer = evtimer_new(base, on_ping_timer, engine);
	r = curl_loop_init(&engine->curl, base, transfer_ended, engine, err);
	if (r == 0 && engine->ping_timer == NULL)
		r = err_set(err, ENOMEM, "engine");
	if (r < 0) {
		engine_free(engine);
		return r;
	}
	(void)curl_multi_setopt(engine->curl.multi, CURLMOPT_MAXCONNECTS,
		(long)(engine->where.tls ? LINES_MAX : CONNECTIONS_MAX));
	*ret = engine;
	return 0;
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	while (!LIST_EMPTY(&engine->calls))
		call_free(LIST_FIRST(&engine->calls));
	while (!LIST_EMPTY(&engine->lines))
		engine_hangup(LIST_FIRST(&engine->lines));
	curl_loop_done(&engine->curl);
	if (engine->ping_timer != NULL)
		event_free(engine->ping_timer);
	engine_where_done(&engine->where);
	free(engine);
}
