/* SPDX-License-Identifier: MIT */
#include "straggler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

#define STRAGGLERS_MAX 256
#define SILENCE_S      5 /* of a client that neither sends nor closes */
#define MOST_S         60
#define PIECE_BYTES    65536
#define PIECES_MAX     16 /* then others have their turn */

struct straggler {
	LIST_ENTRY(straggler) all;
	struct stragglers *stragglers;
	struct event *ready; /* owned */
	int fd;              /* owned */
	uint64_t left;       /* bytes */
	int64_t end_us;
};

LIST_HEAD(straggler_list, straggler);

struct stragglers {
	struct event_base *base;
	struct straggler_list all;
	unsigned n;
};

struct stragglers *straggler_new(struct event_base *base)
{
	struct stragglers *stragglers = calloc(1, sizeof(*stragglers));

	if (stragglers != NULL) {
		stragglers->base = base;
		LIST_INIT(&stragglers->all);
	}
	return stragglers;
}

static void end(struct straggler *straggler)
{
	LIST_REMOVE(straggler, all);
	straggler->stragglers->n--;
	event_free(straggler->ready);
	(void)close(straggler->fd);
	free(straggler);
}

/* Is there no more to come, or has it been enough? */
static bool is_over(struct straggler *straggler)
{
	char piece[PIECE_BYTES];

	for (unsigned i = 0; i < PIECES_MAX; i++) {
		ssize_t n = recv(straggler->fd, piece, sizeof(piece), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0 || (uint64_t)n >= straggler->left)
			return true;
		straggler->left -= (uint64_t)n;
	}
	return false;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct straggler *straggler = arg;

	(void)fd;
	if ((what & EV_TIMEOUT) != 0 || clock_us() > straggler->end_us || is_over(straggler))
		end(straggler);
}

static bool begin(struct straggler *straggler, int fd)
{
	const struct timeval silence = { .tv_sec = SILENCE_S };

	straggler->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (straggler->fd < 0)
		return false;
	straggler->ready = event_new(straggler->stragglers->base, straggler->fd,
		EV_READ | EV_PERSIST, on_ready, straggler);
	if (straggler->ready != NULL && event_add(straggler->ready, &silence) == 0 &&
		shutdown(straggler->fd, SHUT_WR) == 0)
		return true;
	if (straggler->ready != NULL)
		event_free(straggler->ready);
	(void)close(straggler->fd);
	return false;
}

void straggler_take(struct stragglers *stragglers, int fd, uint64_t most)
{
	struct straggler *straggler =
		stragglers->n >= STRAGGLERS_MAX ? NULL : calloc(1, sizeof(*straggler));

	if (straggler == NULL)
		return;
	straggler->stragglers = stragglers;
	straggler->left = most;
	straggler->end_us = clock_us() + MOST_S * INT64_C(1000000);
	if (!begin(straggler, fd)) {
		free(straggler);
		return;
	}
	LIST_INSERT_HEAD(&stragglers->all, straggler, all);
	stragglers->n++;
}

void straggler_free(struct stragglers *stragglers)
{
	if (stragglers == NULL)
		return;
	while (!LIST_EMPTY(&stragglers->all))
		end(LIST_FIRST(&stragglers->all));
	free(stragglers);
}
