/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The gateway is the only process that strangers' bytes reach first, and so the one
 * with the fewest rights: it has its listening sockets, one connection to the queue, and
 * nothing else: no file, no database, no engine, no user but its own. One thread, one
 * libevent loop:
 *
 *	listener.fd ──► libmicrohttpd ──► http.c ──► face.c ──► jobs.c, service.c, classic.c
 *	(each its epoll,                 deadlines,  Host, Origin,       │         ▲
 *	 inside our loop)                bodies      routes              ▼         │
 *	                                                            exchange_ask() reply
 *	                                                                 │         ▲
 *	                                                                 ▼         │
 *	                                              upstream.c ──► the queue (wire/msg.h)
 *
 * A request's body is kept in memory (JSON), or streamed into a spool file of the
 * queue's whose descriptor the queue hands us (multipart: upload.c). request.c makes the
 * checked record of a job of it; nothing unchecked goes on. While the queue is asked the
 * connection sleeps: it costs its memory and no time, so that thousands of long polls can
 * wait. A client that leaves meanwhile is noticed, and the queue is told to forget it.
 *
 * The answer is written from the queue's messages: document/answer.c for the native face,
 * classic.c for the classic one. Large outputs come as descriptors and go out from them.
 *
 * When the queue is away every question is 503 with Retry-After; upstream.c goes on
 * connecting. On SIGTERM no connection is accepted any more, what waits is answered with
 * 503, and what is being written gets a moment.
 */
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/listener.h"
#include "common/log.h"
#include "common/role.h"
#include "common/watchdog.h"
#include "exchange.h"
#include "feed.h"
#include "http.h"
#include "metrics.h"
#include "service.h"

#define DRAIN_TICK_MS 20
#define DRAIN_MOST_MS 2000

struct program {
	struct gateway gw;
	struct event_base *base;                 /* owned */
	struct event *on_term, *on_int, *on_hup; /* owned */
	struct event *watchdog;                  /* owned; NULL: nobody asked */
	struct event *drain;                     /* owned */
	int drained_ms;
};

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct program *program = arg;

	(void)fd;
	(void)what;
	program->drained_ms += DRAIN_TICK_MS;
	if (http_busy(program->gw.http) == 0 || program->drained_ms >= DRAIN_MOST_MS)
		(void)event_base_loopbreak(program->base);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct program *program = arg;
	const struct timeval tick = { .tv_usec = DRAIN_TICK_MS * 1000 };

	(void)fd;
	(void)what;
	if (program->gw.draining) {
		(void)event_base_loopbreak(program->base);
		return;
	}
	log_info("stopping");
	role_stopping(DRAIN_MOST_MS / 1000 + 5);
	program->gw.draining = true;
	http_quiesce(program->gw.http);
	http_release_waiting(program->gw.http);
	(void)event_add(program->drain, &tick);
}

static void on_idle(void *arg)
{
	struct program *program = arg;

	http_run(program->gw.http);
}

/* A connection needs a descriptor, and an answer may need one more. */
static void raise_descriptors(const struct config *config)
{
	struct rlimit limit;
	rlim_t wanted = 2 * (rlim_t)config->connections_max + 256;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool handed_over(const struct role_args *args, const char *name)
{
	for (size_t i = 0; i < args->n_listen; i++)
		if (strcmp(args->listen_name[i], name) == 0)
			return true;
	return false;
}

static int adopt(struct role_args *args, int fd, const char *name, struct err *err)
{
	if (fd < 0)
		return fd;
	if (args->n_listen == ROLE_LISTEN_MAX) {
		(void)close(fd);
		return err_say(err, E2BIG, "more than %d listeners", ROLE_LISTEN_MAX);
	}
	args->listen_fd[args->n_listen] = fd;
	args->listen_name[args->n_listen++] = name;
	return 0;
}

/* What nobody handed over is made here, while a role still may. */
static int make_listeners(struct role_args *args, struct err *err)
{
	char path[108]; /* sun_path's */
	const struct listener_unix what = { path, SOCK_STREAM, LISTENER_KEEP, LISTENER_KEEP, 0666 };
	int r = 0;

	if (!handed_over(args, ROLE_FD_HTTP))
		for (size_t i = 0; r == 0 && i < args->config->listen.n; i++)
			r = adopt(args, listener_tcp(args->config->listen.v[i], err), ROLE_FD_HTTP,
				err);
	if (r == 0 && !handed_over(args, ROLE_FD_HTTP_UNIX)) {
		r = role_socket_path(args->config, SOCKET_HTTP, path, sizeof(path), err);
		if (r == 0)
			r = adopt(args, listener_unix(&what, err), ROLE_FD_HTTP_UNIX, err);
	}
	return r;
}

static int listen_all(struct program *program, const struct role_args *args, struct err *err)
{
	for (size_t i = 0; i < args->n_listen; i++) {
		bool tcp = strcmp(args->listen_name[i], ROLE_FD_HTTP) == 0;
		bool unix_socket = strcmp(args->listen_name[i], ROLE_FD_HTTP_UNIX) == 0;
		int r;

		if (!tcp && !unix_socket)
			continue;
		r = http_listen(program->gw.http, args->listen_fd[i], unix_socket, err);
		if (r < 0)
			return err_wrap(err, "listener %zu", i);
	}
	return 0;
}

static int set_up_events(struct program *program, struct err *err)
{
	struct event_base *base = program->base;

	program->on_term = evsignal_new(base, SIGTERM, on_stop, program);
	program->on_int = evsignal_new(base, SIGINT, on_stop, program);
	program->on_hup = evsignal_new(base, SIGHUP, on_stop, program);
	program->drain = event_new(base, -1, EV_PERSIST, on_drain, program);
	if (program->on_term == NULL || program->on_int == NULL || program->on_hup == NULL ||
		program->drain == NULL || event_add(program->on_term, NULL) < 0 ||
		event_add(program->on_int, NULL) < 0 || event_add(program->on_hup, NULL) < 0)
		return err_set(err, ENOMEM, "events");
	return watchdog_new(base, &program->watchdog, err);
}

static int set_up(struct program *program, struct role_args *args, struct err *err)
{
	struct gateway *gw = &program->gw;
	int r;

	gw->config = args->config;
	gw->metrics = metrics_new();
	program->base = event_base_new();
	service_write_tasks(&gw->tasks, gw->config);
	if (program->base == NULL || gw->metrics == NULL || gw->tasks.failed)
		return err_set(err, ENOMEM, "start");
	r = http_new(program->base, gw, &gw->http, err);
	if (r == 0)
		r = set_up_events(program, err);
	if (r == 0)
		r = feeds_new(program->base, gw, &gw->feeds, err);
	if (r == 0)
		r = upstream_new(program->base, gw->config, on_idle, program, &gw->upstream, err);
	return r;
}

static void tear_down(struct program *program)
{
	http_free(program->gw.http);
	feeds_free(program->gw.feeds);
	upstream_free(program->gw.upstream);
	if (program->on_term != NULL)
		event_free(program->on_term);
	if (program->on_int != NULL)
		event_free(program->on_int);
	if (program->on_hup != NULL)
		event_free(program->on_hup);
	if (program->drain != NULL)
		event_free(program->drain);
	if (program->watchdog != NULL)
		event_free(program->watchdog);
	jt_done(&program->gw.tasks);
	metrics_free(program->gw.metrics);
	if (program->base != NULL)
		event_base_free(program->base);
}

static int run(struct program *program, struct role_args *args)
{
	struct err err;

	raise_descriptors(args->config);
	if (make_listeners(args, &err) < 0) {
		log_error("%s", err.msg);
		/* A network may come up late. */
		return err.code == EADDRNOTAVAIL ? EXIT_FAILURE : role_exit_code(-err.code);
	}
	json_object_seed(0); /* reads a file, which is refused from here on */
	if (role_confine(ROLE_GATEWAY, args->config, (gid_t)-1, &err) < 0) {
		log_error("cannot give up rights: %s", err.msg);
		return role_exit_code(-err.code);
	}
	if (set_up(program, args, &err) < 0 || listen_all(program, args, &err) < 0) {
		log_error("cannot start: %s", err.msg);
		return 1;
	}
	role_ready();
	log_info("listening");
	(void)event_base_dispatch(program->base);
	return program->gw.draining ? 0 : 1;
}

int gateway_main(struct role_args *args)
{
	struct program program = { 0 };
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	status = run(&program, args);
	tear_down(&program);
	return status;
}
