/* SPDX-License-Identifier: MIT */
#include "curl_loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define AGAIN_US 10000

/* One of curl's descriptors. */
struct curl_watched {
	LIST_ENTRY(curl_watched) link;
	curl_socket_t fd;
	short kind;          /* what is waited for */
	struct event *event; /* owned; NULL: there was no memory for it, or nothing is waited for */
};

static void reap(struct curl_loop *loop)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(loop->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			loop->ended(msg->easy_handle, msg->data.result, loop->arg);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	int action = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
		     ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
	int running;

	(void)curl_multi_socket_action(loop->multi, fd, action, &running);
	reap(loop);
}

static void watched_free(struct curl_loop *loop, struct curl_watched *watched)
{
	(void)curl_multi_assign(loop->multi, watched->fd, NULL);
	LIST_REMOVE(watched, link);
	if (watched->event != NULL)
		event_free(watched->event);
	if (loop->spare == NULL)
		loop->spare = watched;
	else
		free(watched);
}

static struct curl_watched *watched_new(struct curl_loop *loop, curl_socket_t fd)
{
	struct curl_watched *watched = calloc(1, sizeof(*watched));

	if (watched == NULL) {
		watched = loop->spare;
		loop->spare = NULL;
	}
	if (watched == NULL)
		return NULL;
	*watched = (struct curl_watched){ .fd = fd };
	LIST_INSERT_HEAD(&loop->watched, watched, link);
	(void)curl_multi_assign(loop->multi, fd, watched);
	return watched;
}

/* False: there is no memory. */
static bool watch(struct curl_loop *loop, struct curl_watched *watched)
{
	if (watched->event != NULL)
		event_free(watched->event);
	watched->event = event_new(loop->base, watched->fd, watched->kind, on_socket, loop);
	if (watched->event != NULL && event_add(watched->event, NULL) == 0)
		return true;
	if (watched->event != NULL)
		event_free(watched->event);
	watched->event = NULL;
	return false;
}

static void watch_again(struct curl_loop *loop)
{
	const struct timeval wait = { .tv_usec = AGAIN_US };

	(void)event_add(loop->again, &wait);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	struct curl_watched *watched;
	bool all = true;

	(void)fd;
	(void)what;
	LIST_FOREACH(watched, &loop->watched, link)
	if (watched->event == NULL && watched->kind != 0)
		all = watch(loop, watched) && all;
	if (!all)
		watch_again(loop);
}

/* A failure that curl hears of is its last: none of this handle's transfers works after it. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct curl_loop *loop = arg;
	struct curl_watched *watched = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched != NULL)
			watched_free(loop, watched);
		return 0;
	}
	if (watched == NULL)
		watched = watched_new(loop, fd);
	if (watched == NULL)
		return -1;
	watched->kind = EV_PERSIST;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		watched->kind |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		watched->kind |= EV_WRITE;
	if (!watch(loop, watched))
		watch_again(loop);
	return 0;
}

/* The struct stays: curl may hold on to it as well. */
void curl_loop_unwatch(struct curl_loop *loop, curl_socket_t fd)
{
	struct curl_watched *watched;

	LIST_FOREACH(watched, &loop->watched, link)
	if (watched->fd == fd) {
		watched->kind = 0;
		if (watched->event != NULL)
			(void)event_del(watched->event);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(loop);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_loop *loop = arg;
	struct timeval wait = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		(void)event_del(loop->timer);
	else
		(void)event_add(loop->timer, &wait);
	return 0;
}

int curl_loop_init(struct curl_loop *loop, struct event_base *base,
	void (*ended)(CURL *easy, CURLcode code, void *arg), void *arg, struct err *err)
{
	LIST_INIT(&loop->watched);
	loop->base = base;
	loop->ended = ended;
	loop->arg = arg;
	loop->timer = evtimer_new(base, on_timer, loop);
	loop->again = evtimer_new(base, on_again, loop);
	loop->spare = calloc(1, sizeof(*loop->spare));
	loop->multi = curl_multi_init();
	if (loop->timer == NULL || loop->again == NULL || loop->spare == NULL ||
		loop->multi == NULL)
		return err_set(err, ENOMEM, "curl");
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return 0;
}

void curl_loop_done(struct curl_loop *loop)
{
	while (!LIST_EMPTY(&loop->watched))
		watched_free(loop, LIST_FIRST(&loop->watched));
	if (loop->multi != NULL)
		(void)curl_multi_cleanup(loop->multi);
	loop->multi = NULL;
	free(loop->spare);
	loop->spare = NULL;
	if (loop->again != NULL)
		event_free(loop->again);
	loop->again = NULL;
	if (loop->timer != NULL)
		event_free(loop->timer);
	loop->timer = NULL;
}
