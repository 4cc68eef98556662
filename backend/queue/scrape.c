/* SPDX-License-Identifier: MIT */
#include "scrape.h"

#include <errno.h>
#include <stdlib.h>

#include "drive.h"
#include "queue.h"
#include "reply.h"

struct scrape_ask {
	STAILQ_ENTRY(scrape_ask) next;
	uint64_t gate, token;
};

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	scrape_got(arg, NULL);
}

int scrape_init(struct queue *q, struct err *err)
{
	STAILQ_INIT(&q->scrape.asks);
	q->scrape.timer = event_new(q->base, -1, 0, on_late, q);
	return q->scrape.timer == NULL ? err_set(err, ENOMEM, "event") : 0;
}

static struct scrape_ask *take_one(struct scrape *scrape)
{
	struct scrape_ask *ask = STAILQ_FIRST(&scrape->asks);

	if (ask != NULL)
		STAILQ_REMOVE_HEAD(&scrape->asks, next);
	return ask;
}

void scrape_done(struct queue *q)
{
	struct scrape_ask *ask;

	if (q->scrape.timer == NULL)
		return;
	event_free(q->scrape.timer);
	q->scrape.timer = NULL;
	while ((ask = take_one(&q->scrape)) != NULL)
		free(ask);
}

void scrape_ask(struct queue *q, uint64_t gate, uint64_t token)
{
	const struct timeval wait = { SCRAPE_WAIT_MS / 1000, SCRAPE_WAIT_MS % 1000 * 1000 };
	struct scrape_ask *ask = malloc(sizeof(*ask));
	bool first = STAILQ_EMPTY(&q->scrape.asks);

	if (ask == NULL || (first && !drive_ask_metrics(q))) {
		free(ask);
		reply_metrics(q, gate, token, NULL);
		return;
	}
	ask->gate = gate;
	ask->token = token;
	STAILQ_INSERT_TAIL(&q->scrape.asks, ask, next);
	if (first)
		(void)event_add(q->scrape.timer, &wait);
}

void scrape_got(struct queue *q, const struct blob *text)
{
	struct scrape_ask *ask;

	(void)event_del(q->scrape.timer);
	while ((ask = take_one(&q->scrape)) != NULL) {
		reply_metrics(q, ask->gate, ask->token, text);
		free(ask);
	}
}
