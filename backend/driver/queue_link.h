/* SPDX-License-Identifier: MIT */
/*
 * The driver's way to the queue: connects, connects again, and keeps what the
 * queue must hear. An ending is kept until the queue says that it has it.
 */
#pragma once

#include <stdbool.h>

#include "wire/channel.h"
#include "wire/pack.h"

struct queue_link_ops {
	/* The queue is there: say who runs here (MSG_NODE). Kept endings follow by themselves. */
	void (*open)(void *arg);
	void (*lost)(void *arg);
	void (*run)(struct msg_run *run, void *arg);
	void (*stop)(const struct msg_stop *stop, void *arg);
	void (*tap)(const struct msg_tap *tap, void *arg);
	void (*input)(const struct msg_input *input, void *arg);
	/* A spool file that was asked for. The blob's descriptor may be taken out. */
	void (*spool)(struct msg_spool *spool, void *arg);
	/* Somebody wants to see what is counted here. */
	void (*metrics)(void *arg);
	void (*refused)(const struct msg_refused *refused, void *arg);
	/* One less is kept. */
	void (*acknowledged)(void *arg);
};

struct queue_link;

int queue_link_new(struct event_base *base, const char *path, const struct channel_self *self,
	const struct queue_link_ops *ops, void *arg, struct queue_link **ret, struct err *err);
void queue_link_free(struct queue_link *link);
/* Begin to connect. */
void queue_link_connect(struct queue_link *link);
bool queue_link_is_open(const struct queue_link *link);

/* Sent if the queue is there now, else dropped: NODE, STARTED, SPOOL_OPEN, PROGRESS. The
 * message stays the caller's. */
void queue_link_tell(struct queue_link *link, const struct msg *msg);
/*
 * ENDING or GIVEBACK: taken over, sent now and after each reconnect, an ENDING
 * until it is acknowledged, a GIVEBACK until it was sent. -ENOMEM: it is the caller's, and over
 * a new connection the queue will hear that the job is not run here.
 */
int queue_link_keep(struct queue_link *link, struct msg *msg, struct err *err);
/* An attempt whose ending or giveback is kept here. */
bool queue_link_keeps(const struct queue_link *link, const struct job_id *id, uint32_t attempt);
size_t queue_link_kept(const struct queue_link *link);
/* Their ids and attempts, as in NODE's `running`. */
void queue_link_pack_kept(const struct queue_link *link, struct packer *p);
