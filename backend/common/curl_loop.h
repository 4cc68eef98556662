/* SPDX-License-Identifier: MIT */
/*
 * libcurl's transfers in a loop of libevent's: curl says which descriptors and what time it
 * waits for (curl_multi_socket_action(3)), and is told when they come.
 */
#pragma once

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "err.h"

struct curl_watched;

struct curl_loop {
	CURLM *multi; /* owned; transfers are added and removed by whoever they are of */
	struct event_base *base;
	struct event *timer;               /* owned */
	struct event *again;               /* owned; what could not be watched is tried then */
	struct curl_watched *spare;        /* owned; for when there is no memory */
	LIST_HEAD(, curl_watched) watched; /* owned */
	void (*ended)(CURL *easy, CURLcode code, void *arg); /* may remove transfers */
	void *arg;
};

/* -ENOMEM. curl_loop_done() in any case, where it was all-zero before. */
int curl_loop_init(struct curl_loop *loop, struct event_base *base,
	void (*ended)(CURL *easy, CURLcode code, void *arg), void *arg, struct err *err);
/* All transfers have been removed. */
void curl_loop_done(struct curl_loop *loop);

/*
 * The descriptor is the caller's from now on. curl goes on watching it, and does not say so
 * when it closes it; an event that stayed on a closed number would keep the loop from watching
 * the next descriptor of that number.
 */
void curl_loop_unwatch(struct curl_loop *loop, curl_socket_t fd);
