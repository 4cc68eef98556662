/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#include "common/cleanup.h"

struct piece {
	STAILQ_ENTRY(piece) next;
	worker_fn *run, *done;
	void *arg;
};

STAILQ_HEAD(pieces, piece);

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* guards the three below */
	pthread_cond_t posted_one;
	struct pieces posted, finished;
	bool stopping;
	int finished_fd;     /* owned; eventfd */
	struct event *event; /* owned */
};

/* NULL: told to stop, and nothing is left. */
static struct piece *next_piece(struct worker *w)
{
	struct piece *piece;

	(void)pthread_mutex_lock(&w->lock);
	while ((piece = STAILQ_FIRST(&w->posted)) == NULL && !w->stopping)
		(void)pthread_cond_wait(&w->posted_one, &w->lock);
	if (piece != NULL)
		STAILQ_REMOVE_HEAD(&w->posted, next);
	(void)pthread_mutex_unlock(&w->lock);
	return piece;
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	struct piece *piece;

	while ((piece = next_piece(w)) != NULL) {
		piece->run(piece->arg);
		(void)pthread_mutex_lock(&w->lock);
		STAILQ_INSERT_TAIL(&w->finished, piece, next);
		(void)pthread_mutex_unlock(&w->lock);
		(void)eventfd_write(w->finished_fd, 1);
	}
	return NULL;
}

static void call_done(struct worker *w)
{
	struct pieces finished = STAILQ_HEAD_INITIALIZER(finished);
	struct piece *piece;

	(void)pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&finished, &w->finished);
	(void)pthread_mutex_unlock(&w->lock);
	while ((piece = STAILQ_FIRST(&finished)) != NULL) {
		STAILQ_REMOVE_HEAD(&finished, next);
		if (piece->done != NULL)
			piece->done(piece->arg);
		free(piece);
	}
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	eventfd_t n;

	(void)what;
	(void)eventfd_read(fd, &n);
	call_done(arg);
}

/* Signals are the loop's: none is to be delivered to the thread. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, thread_main, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void release(struct worker *w)
{
	if (w->event != NULL)
		event_free(w->event);
	if (w->finished_fd >= 0)
		(void)close(w->finished_fd);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->posted_one);
	free(w);
}

int worker_start(struct event_base *base, struct worker **ret, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return err_set(err, ENOMEM, "worker");
	STAILQ_INIT(&w->posted);
	STAILQ_INIT(&w->finished);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->posted_one, NULL);
	w->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->finished_fd >= 0)
		w->event = event_new(base, w->finished_fd, EV_READ | EV_PERSIST, on_finished, w);
	if (w->event == NULL || event_add(w->event, NULL) < 0) {
		release(w);
		return err_set(err, ENOMEM, "worker");
	}
	r = start_thread(w);
	if (r < 0) {
		release(w);
		return err_set(err, -r, "start a thread");
	}
	*ret = w;
	return 0;
}

int worker_post(struct worker *w, worker_fn *run, worker_fn *done, void *arg, struct err *err)
{
	struct piece *piece;

	if (w == NULL)
		return err_say(err, ESHUTDOWN, "the worker has stopped");
	piece = calloc(1, sizeof(*piece));
	if (piece == NULL)
		return err_set(err, ENOMEM, "worker");
	piece->run = run;
	piece->done = done;
	piece->arg = arg;
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->posted, piece, next);
	(void)pthread_cond_signal(&w->posted_one);
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

void worker_stop(struct worker *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_signal(&w->posted_one);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	call_done(w);
	release(w);
}
