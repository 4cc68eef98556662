/* SPDX-License-Identifier: MIT */
/* Gateways: their connections, and what they ask. */
#pragma once

#include "common/err.h"

struct job;
struct queue;

/* Takes fd, a connection whose peer's user was checked. */
void gate_accept(struct queue *q, int fd);
void gate_accept_courier(struct queue *q, int fd);
/* Frees connections that are closed. */
void gate_reap(struct queue *q);
/* Its ending is written at once; what the driver says of it later comes too late. */
int gate_cancel(struct queue *q, struct job *job, struct err *err);
/* Closes all. */
void gate_done(struct queue *q);
