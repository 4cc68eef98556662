/* SPDX-License-Identifier: MIT */
/*
 * Who asks for /metrics waits for the driver's part of it, SCRAPE_WAIT_MS at most; nobody asks
 * the driver otherwise.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "common/err.h"
#include "wire/blob.h"

#define SCRAPE_WAIT_MS 1000

struct event;
struct queue;
struct scrape_ask;

STAILQ_HEAD(scrape_asks, scrape_ask);

struct scrape {
	struct event *timer;     /* owned */
	struct scrape_asks asks; /* owned */
};

int scrape_init(struct queue *q, struct err *err);
void scrape_done(struct queue *q);
/* Answers now where there is no driver to ask, else later. */
void scrape_ask(struct queue *q, uint64_t gate, uint64_t token);
/* What the driver says; NULL: nothing. Answers all who wait. */
void scrape_got(struct queue *q, const struct blob *text);
