/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "body.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/number.h"
#include "crowd.h"
#include "events.h"
#include "face.h"
#include "framing.h"
#include "metrics.h"
#include "past.h"
#include "peer.h"
#include "straggler.h"
#include "upload.h"

#define POOL_BYTES     (16U * 1024)        /* a connection's own: bounds its request's head */
#define DRAIN_MAX      (UINT64_C(1) << 20) /* of a body that nobody wants, read all the same */
#define BODY_RATE_MIN  16384               /* bytes a second: each second's worth buys one more */
#define ANSWER_GRACE_S 30                  /* the queue's answer beyond what was asked to wait */
#define RUNS_AT_ONCE   64
#define SECOND_US      INT64_C(1000000)

struct listener {
	struct http *http;
	struct MHD_Daemon *daemon; /* owned */
	struct event *ready;       /* owned */
	bool unix_socket;
	bool resumed;
};

struct conn {
	LIST_ENTRY(conn) all;
	struct listener *listener;
	int fd;           /* the daemon's */
	int64_t since_us; /* begin of what the deadline counts: head, body, answer */
	bool fresh;       /* no request has been answered on it */
	bool refused;     /* what it has sent already is not looked at */
	bool operator_known, is_operator;
	struct crowd_member *member; /* until crowd_leave() */
	struct exchange *ex;         /* the request in progress */
	struct event watch;          /* for a client that leaves while its answer waits */
};

LIST_HEAD(conn_list, conn);

struct http {
	struct event_base *base;
	struct gateway *gw;
	struct listener *listeners[ROLE_LISTEN_MAX]; /* owned */
	size_t n_listeners;
	struct conn_list conns;
	size_t n_conns, n_busy;
	struct event *tick; /* owned; each second while there are connections, and once more */
	struct stragglers *stragglers; /* owned */
	struct crowd *crowd;           /* owned; where its connections come from */
};

/* A web server that passes requests on has no operator's rights to pass on, whoever it runs as. */
static bool is_forwarded(const struct exchange *ex)
{
	return exchange_header(ex, "X-Forwarded-For") != NULL ||
	       exchange_header(ex, "Forwarded") != NULL || exchange_header(ex, "Via") != NULL;
}

static bool conn_is_operator(struct conn *conn)
{
	if (!conn->operator_known && conn->listener->unix_socket)
		conn->is_operator =
			peer_is_operator(conn->fd, conn->listener->http->gw->config->operator_gid);
	conn->operator_known = true;
	return conn->is_operator;
}

static void refuse_crowd(struct conn *conn)
{
	conn->refused = true;
	past_answer(conn->fd, PAST_DOCUMENT, PROBLEM_TOO_MANY,
		"too many connections from this address");
	(void)shutdown(conn->fd, SHUT_RDWR);
}

static void conn_join(struct conn *conn, struct MHD_Connection *con)
{
	struct http *http = conn->listener->http;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (conn->listener->unix_socket || info == NULL || info->client_addr == NULL)
		return;
	if (!crowd_join(http->crowd, info->client_addr,
		    (unsigned)http->gw->config->connections_per_address, &conn->member))
		refuse_crowd(conn);
}

/* The answer of the queue is not wanted any more. */
static void forget(struct exchange *ex)
{
	if (ex->token != 0)
		upstream_forget(ex->gw->upstream, ex->token);
	ex->token = 0;
}

static void exchange_free(struct exchange *ex)
{
	forget(ex);
	if (ex->watched)
		(void)event_del(&ex->conn->watch);
	body_drop(ex);
	ex->gw->answer_bytes -= ex->answer_bytes;
	if (ex->reader != NULL)
		events_forget(ex->reader);
	if (ex->response != NULL)
		MHD_destroy_response(ex->response);
	for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++)
		free(ex->params[i]);
	free(ex->id);
	free(ex->file);
	free(ex->uri);
	ex->conn->ex = NULL;
	ex->conn->listener->http->n_busy--;
	free(ex);
}

static void on_connection(void *cls, struct MHD_Connection *con, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	struct listener *listener = cls;
	struct http *http = listener->http;
	struct conn *conn = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const struct timeval second = { .tv_sec = 1 };

		conn = calloc(1, sizeof(*conn));
		*context = conn;
		if (conn == NULL)
			return;
		conn->listener = listener;
		conn->fd =
			MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		conn->since_us = clock_us();
		conn->fresh = true;
		conn_join(conn, con);
		LIST_INSERT_HEAD(&http->conns, conn, all);
		http->n_conns++;
		if (!event_pending(http->tick, EV_TIMEOUT, NULL))
			(void)event_add(http->tick, &second);
		return;
	}
	if (conn == NULL)
		return;
	/* Version 0.9.75 does not always say that a request is over which it could not read. */
	if (conn->ex != NULL)
		exchange_free(conn->ex);
	LIST_REMOVE(conn, all);
	crowd_leave(http->crowd, conn->member);
	http->n_conns--;
	free(conn);
	*context = NULL;
}

static void answer_past(struct conn *conn, enum problem problem, const char *detail)
{
	struct exchange *ex = conn->ex;
	enum past_form form = ex->classic ? PAST_LINE : PAST_DOCUMENT;

	ex->past = true;
	ex->status = problem_status(problem);
	past_answer(conn->fd, ex->head_only ? PAST_HEAD : form, problem, detail);
}

/*
 * Before the body. The client hears it at once; what it is sending already is
 * read on for a while, since a socket closed with bytes unread would take the answer
 * back from it. No other request is taken on this connection.
 */
static void refuse_body(struct exchange *ex, enum problem problem, const char *detail)
{
	answer_past(ex->conn, problem, detail);
	(void)shutdown(ex->conn->fd, SHUT_WR);
}

/* While the library still reads the head: what the method is it does not tell yet. */
static void refuse_at_once(struct exchange *ex, const char *detail)
{
	face_choose(ex, "POST");
	refuse_body(ex, PROBLEM_INVALID_REQUEST, detail);
}

/* The request line is there. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con)
{
	struct listener *listener = cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *conn = info == NULL ? NULL : info->socket_context;
	struct exchange *ex;

	if (conn == NULL || conn->refused)
		return NULL;
	if (conn->ex != NULL) /* as at the end of a connection */
		exchange_free(conn->ex);
	ex = calloc(1, sizeof(*ex));
	if (ex == NULL)
		return NULL;
	ex->uri = strdup(uri);
	if (ex->uri == NULL) {
		free(ex);
		return NULL;
	}
	ex->gw = listener->http->gw;
	ex->conn = conn;
	ex->con = con;
	ex->from = conn->member;
	conn->ex = ex;
	listener->http->n_busy++;
	if (framing_too_many(uri))
		refuse_at_once(ex, "query: has too many parameters");
	return ex;
}

/* The parser sees the end of the connection next and clears up. */
static void cut(struct conn *conn, enum problem problem, const char *detail)
{
	if (conn->ex != NULL && !conn->ex->past)
		answer_past(conn, problem, detail);
	(void)shutdown(conn->fd, SHUT_RDWR);
}

/* Its end did not come, or the library has no memory left to say what is wrong with its head. */
static void answer_broken(struct exchange *ex)
{
	if (ex->phase == EXCHANGE_BODY) {
		answer_past(ex->conn, PROBLEM_TIMEOUT, "the body ended before it was complete");
	} else if (ex->phase == EXCHANGE_HEAD) {
		face_choose(ex, "POST");
		answer_past(ex->conn, PROBLEM_INVALID_REQUEST,
			"the head is too large, or ended before it was complete");
	}
}

/* The library answers some heads that it cannot read without asking us. */
static bool library_answered(struct MHD_Connection *con)
{
	return MHD_get_connection_info(con, MHD_CONNECTION_INFO_HTTP_STATUS) != NULL;
}

static void on_completed(
	void *cls, struct MHD_Connection *con, void **con_cls, enum MHD_RequestTerminationCode how)
{
	struct exchange *ex = *con_cls;
	struct conn *conn;

	(void)cls;
	if (ex == NULL)
		return;
	conn = ex->conn;
	metrics_count(ex->gw->metrics, ex->route, ex->classic, ex->status);
	log_debug("%s%s %u", ex->classic ? "classic " : "",
		ex->route == NULL ? "-" : ex->route->pattern, ex->status);
	if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK && ex->status == 0 && !ex->past &&
		!library_answered(con))
		answer_broken(ex);
	if (ex->early && how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		straggler_take(conn->listener->http->stragglers, conn->fd,
			(uint64_t)ex->gw->config->body_multipart_max + DRAIN_MAX);
	exchange_free(ex);
	*con_cls = NULL;
	conn->since_us = clock_us();
	conn->fresh = false;
}

static void too_large(struct exchange *ex)
{
	exchange_problem(ex, PROBLEM_TOO_LARGE, "the body is larger than %llu bytes",
		(unsigned long long)ex->body_max);
}

/*
 * Past its cap a body is read on for as much again, and for no less than DRAIN_MAX: many a sender,
 * a web server that passes it on among them, hears an answer only when all is sent. Then it is cut
 * off.
 */
static bool is_read_on(const struct exchange *ex)
{
	uint64_t more = ex->body_max > DRAIN_MAX ? ex->body_max : DRAIN_MAX;

	return ex->body_seen - ex->body_max <= more;
}

static void take_body(struct exchange *ex, const char *data, size_t n)
{
	ex->body_seen += n;
	if (ex->body_seen > ex->body_max) {
		if (ex->response == NULL && !ex->past)
			too_large(ex);
		body_drop(ex);
		if (!is_read_on(ex)) {
			ex->gone = true;
			cut(ex->conn, PROBLEM_TOO_LARGE, "the body is too large");
		}
		return;
	}
	if (ex->response != NULL || ex->past)
		return;
	if (ex->body_kind == BODY_UPLOAD)
		upload_feed(ex, data, n);
	else if (ex->body_kind == BODY_MEMORY && !body_keep(ex, data, n))
		exchange_unavailable(ex, 1, BODY_NO_ROOM);
	if (ex->response != NULL)
		body_drop(ex);
}

static enum MHD_Result give_answer(struct exchange *ex)
{
	struct MHD_Response *response = TAKE_PTR(ex->response);
	enum MHD_Result r;

	(void)MHD_add_response_header(response, "Content-Security-Policy",
		ex->policy == NULL ? EXCHANGE_POLICY : ex->policy);
	r = MHD_queue_response(ex->con, ex->status, response);
	MHD_destroy_response(response);
	return r;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *ex = arg;
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	(void)what;
	ex->watched = false;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return; /* its next request: no word of leaving, and no more watching */
	ex->gone = true;
	http_resume(ex);
	http_run(ex->conn->listener->http);
}

/* Until http_resume(). Only those that may wait long are watched: it costs two system calls. */
static void sleep_until_answered(struct exchange *ex)
{
	if (ex->wait_ms != 0) {
		http_sleep(ex);
		return;
	}
	ex->suspended = true;
	MHD_suspend_connection(ex->con);
}

void http_sleep(struct exchange *ex)
{
	struct conn *conn = ex->conn;

	ex->suspended = true;
	MHD_suspend_connection(ex->con);
	if (event_assign(&conn->watch, conn->listener->http->base, conn->fd, EV_READ, on_watch,
		    ex) == 0 &&
		event_add(&conn->watch, NULL) == 0)
		ex->watched = true;
}

void http_resume(struct exchange *ex)
{
	if (!ex->suspended)
		return;
	ex->suspended = false;
	if (ex->watched)
		(void)event_del(&ex->conn->watch);
	ex->watched = false;
	if (ex->gone)
		forget(ex);
	ex->conn->listener->resumed = true;
	MHD_resume_connection(ex->con);
}

/* An answer in front of the body closes the connection (and only a POST can have one). */
static bool answers_early(const struct exchange *ex)
{
	return ex->response != NULL && ex->method == METHOD_POST &&
	       framing_length(ex->con) > DRAIN_MAX;
}

static enum MHD_Result give_early_answer(struct exchange *ex)
{
	ex->early = true;
	return give_answer(ex);
}

/* Answers, or has the face begin. */
static void begin(struct exchange *ex, const char *method, const char *version)
{
	const char *fault = framing_fault(ex->con, ex->uri, version);
	uint64_t length;

	face_choose(ex, method);
	if (fault != NULL) {
		refuse_body(ex, PROBLEM_INVALID_REQUEST, fault);
		return;
	}
	if (!framing_leaves_room(ex->con, POOL_BYTES)) {
		refuse_body(ex, PROBLEM_HEAD_TOO_LARGE, "the head is too large");
		return;
	}
	ex->is_operator = conn_is_operator(ex->conn) && !is_forwarded(ex);
	face_begin(ex, ex->conn->listener->unix_socket);
	length = framing_length(ex->con);
	if (length != FRAMING_CHUNKED && length > ex->body_max && ex->response == NULL) {
		forget(ex);
		refuse_body(ex, PROBLEM_TOO_LARGE, "the body is too large");
	}
}

static enum MHD_Result on_head(struct exchange *ex, const char *method, const char *version)
{
	if (!ex->past)
		begin(ex, method, version);
	ex->conn->since_us = clock_us();
	ex->phase = EXCHANGE_BODY;
	if (answers_early(ex))
		return give_early_answer(ex);
	if (ex->token != 0) {
		ex->phase = EXCHANGE_HEAD_AGAIN;
		sleep_until_answered(ex);
	}
	return MHD_YES;
}

static enum MHD_Result on_end(struct exchange *ex)
{
	if (ex->past)
		return MHD_NO;
	if (ex->phase == EXCHANGE_BODY) {
		ex->phase = EXCHANGE_ANSWER;
		ex->conn->since_us = clock_us();
		if (ex->response == NULL && !ex->gone)
			face_handle(ex);
	}
	if (ex->gone)
		return MHD_NO;
	if (ex->response != NULL)
		return give_answer(ex);
	if (ex->token == 0) {
		log_error("a request was neither answered nor asked on");
		return MHD_NO;
	}
	sleep_until_answered(ex);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **con_cls)
{
	struct exchange *ex = *con_cls;

	(void)cls;
	(void)con;
	(void)url;
	if (ex == NULL || ex->gone)
		return MHD_NO;
	if (ex->phase == EXCHANGE_HEAD)
		return on_head(ex, method, version);
	if (ex->phase == EXCHANGE_HEAD_AGAIN) {
		ex->phase = EXCHANGE_BODY;
		ex->conn->since_us = clock_us();
		return answers_early(ex) ? give_early_answer(ex) : MHD_YES;
	}
	if (*size > 0) {
		take_body(ex, data, *size);
		*size = 0;
		return ex->gone ? MHD_NO : MHD_YES;
	}
	return on_end(ex);
}

static void listener_run(struct listener *listener)
{
	MHD_UNSIGNED_LONG_LONG timeout;

	listener->resumed = false;
	for (int i = 0; i < RUNS_AT_ONCE; i++) {
		(void)MHD_run(listener->daemon);
		if (MHD_get_timeout(listener->daemon, &timeout) != MHD_YES || timeout > 0)
			return;
	}
	event_active(listener->ready, EV_READ, 0); /* others first, then on */
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listener_run(arg);
}

void http_run(struct http *http)
{
	for (size_t i = 0; i < http->n_listeners; i++) {
		if (http->listeners[i]->resumed)
			listener_run(http->listeners[i]);
	}
}

static bool head_is_late(const struct conn *conn, int64_t now_us)
{
	const struct config *config = conn->listener->http->gw->config;
	int64_t most_s = config->header_timeout_s + (conn->fresh ? 0 : config->idle_timeout_s);

	return now_us - conn->since_us > most_s * SECOND_US;
}

static bool body_is_late(const struct conn *conn, int64_t now_us)
{
	int64_t most_s = conn->listener->http->gw->config->body_timeout_s +
			 (int64_t)(conn->ex->body_seen / BODY_RATE_MIN);

	return now_us - conn->since_us > most_s * SECOND_US;
}

static void check_answer(struct exchange *ex, int64_t now_us)
{
	if (ex->token == 0 ||
		now_us - ex->conn->since_us < (ex->wait_ms / 1000 + ANSWER_GRACE_S) * SECOND_US)
		return;
	forget(ex);
	exchange_unavailable(ex, 1, "the queue did not answer in time");
}

static void check_deadline(struct conn *conn, int64_t now_us)
{
	struct exchange *ex = conn->ex;

	if (ex == NULL || ex->phase == EXCHANGE_HEAD) {
		if (head_is_late(conn, now_us))
			cut(conn, PROBLEM_TIMEOUT, "the head came too slowly");
	} else if (ex->phase == EXCHANGE_BODY) {
		if (!ex->gone && body_is_late(conn, now_us)) {
			ex->gone = true;
			cut(conn, PROBLEM_TIMEOUT, "the body came too slowly");
		}
	} else {
		check_answer(ex, now_us);
	}
}

/*
 * Also lets the daemons look at their own time-outs, and accept again: one that had no descriptor
 * for somebody listens again when it is run after another connection has gone.
 */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http *http = arg;
	int64_t now_us = clock_us();
	struct conn *conn;

	(void)fd;
	(void)what;
	LIST_FOREACH(conn, &http->conns, all)
	check_deadline(conn, now_us);
	for (size_t i = 0; i < http->n_listeners; i++)
		listener_run(http->listeners[i]);
	if (http->n_conns == 0)
		(void)event_del(http->tick);
}

int http_new(struct event_base *base, struct gateway *gw, struct http **ret, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return err_set(err, ENOMEM, "HTTP server");
	http->base = base;
	http->gw = gw;
	LIST_INIT(&http->conns);
	http->tick = event_new(base, -1, EV_PERSIST, on_tick, http);
	http->stragglers = straggler_new(base);
	http->crowd = crowd_new();
	if (http->tick == NULL || http->stragglers == NULL || http->crowd == NULL) {
		http_free(http);
		return err_set(err, ENOMEM, "HTTP server");
	}
	*ret = http;
	return 0;
}

/*
 * Version 0.9.75 says a malformed Content-Length and then answers with the head of its answer
 * twice. So whoever has sent one is answered by us, while it is being said.
 */
static void refuse_bad_lengths(const struct listener *listener)
{
	struct conn *conn;

	LIST_FOREACH(conn, &listener->http->conns, all)
	{
		struct exchange *ex = conn->ex;

		if (ex == NULL || conn->listener != listener || ex->phase != EXCHANGE_HEAD ||
			ex->past || framing_length(ex->con) != FRAMING_NO_LENGTH)
			continue;
		refuse_at_once(ex, "Content-Length: is not a number that a length can be");
	}
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
	char line[400];

	refuse_bad_lengths(cls);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
}

static struct MHD_Daemon *daemon_start(struct listener *listener, int fd)
{
	const struct config *config = listener->http->gw->config;

	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, on_log, listener,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)config->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)config->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)POOL_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, listener, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, listener,
		/* It is ignored: without knowing that, files would be read and sent in small
		   pieces instead of by sendfile(2). */
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

int http_listen(struct http *http, int fd_given, bool unix_socket, struct err *err)
{
	cleanup_close int fd = fd_given;
	struct listener *listener;
	const union MHD_DaemonInfo *info;

	if (http->n_listeners == ROLE_LISTEN_MAX)
		return err_say(err, EMFILE, "more than %d listeners", ROLE_LISTEN_MAX);
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return err_set(err, ENOMEM, "listener");
	listener->http = http;
	listener->unix_socket = unix_socket;
	listener->daemon = daemon_start(listener, fd);
	if (listener->daemon == NULL) {
		free(listener);
		return err_say(err, EIO, "libmicrohttpd does not start");
	}
	(void)TAKE_FD(fd); /* the daemon closes it */
	http->listeners[http->n_listeners++] = listener;
	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return err_say(err, EIO, "libmicrohttpd has no epoll descriptor");
	listener->ready =
		event_new(http->base, info->epoll_fd, EV_READ | EV_PERSIST, on_ready, listener);
	if (listener->ready == NULL || event_add(listener->ready, NULL) < 0)
		return err_set(err, ENOMEM, "listener");
	return 0;
}

void http_quiesce(struct http *http)
{
	for (size_t i = 0; i < http->n_listeners; i++) {
		int fd = MHD_quiesce_daemon(http->listeners[i]->daemon);

		if (fd >= 0)
			(void)close(fd);
	}
}

size_t http_busy(const struct http *http)
{
	return http->n_busy;
}

size_t http_connections(const struct http *http)
{
	return http->n_conns;
}

void http_release_waiting(struct http *http)
{
	struct conn *conn;

	LIST_FOREACH(conn, &http->conns, all)
	{
		struct exchange *ex = conn->ex;

		if (ex != NULL && ex->reader != NULL)
			events_stop(ex->reader);
		if (ex == NULL || ex->token == 0)
			continue;
		forget(ex);
		exchange_unavailable(ex, 1, EXCHANGE_STOPPING);
	}
	http_run(http);
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	http->gw->draining = true; /* what is behind a request in the pipe must not wait either */
	http_release_waiting(http);
	for (size_t i = 0; i < http->n_listeners; i++) {
		struct listener *listener = http->listeners[i];

		if (listener->ready != NULL)
			event_free(listener->ready);
		MHD_stop_daemon(listener->daemon);
		free(listener);
	}
	straggler_free(http->stragglers);
	crowd_free(http->crowd);
	if (http->tick != NULL)
		event_free(http->tick);
	free(http);
}
