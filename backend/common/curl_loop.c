/* SPDX-License-Identifier: MIT */
#include "curl_loop.h"

#include <errno.h>
#include <stdlib.h>

/* One of curl's descriptors. */
struct curl_watched {
	LIST_ENTRY(curl_watched) link;
	curl_socket_t fd;
	struct event *event; /* owned */
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
	free(watched);
}

static struct curl_watched *watched_new(struct curl_loop *loop, curl_socket_t fd)
{
	struct curl_watched *watched = calloc(1, sizeof(*watched));

	if (watched == NULL)
		return NULL;
	watched->fd = fd;
	LIST_INSERT_HEAD(&loop->watched, watched, link);
	(void)curl_multi_assign(loop->multi, fd, watched);
	return watched;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct curl_loop *loop = arg;
	struct curl_watched *watched = socket_arg;
	short kind = EV_PERSIST;

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
	if (watched->event != NULL)
		event_free(watched->event);
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		kind |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		kind |= EV_WRITE;
	watched->event = event_new(loop->base, fd, kind, on_socket, loop);
	if (watched->event == NULL || event_add(watched->event, NULL) < 0) {
		watched_free(loop, watched);
		return -1;
	}
	return 0;
}

/* The struct stays: curl may hold on to it as well. */
void curl_loop_unwatch(struct curl_loop *loop, curl_socket_t fd)
{
	struct curl_watched *watched;

	LIST_FOREACH(watched, &loop->watched, link)
	if (watched->fd == fd && watched->event != NULL)
		(void)event_del(watched->event);
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
	loop->multi = curl_multi_init();
	if (loop->timer == NULL || loop->multi == NULL)
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
	if (loop->timer != NULL)
		event_free(loop->timer);
	loop->timer = NULL;
}
