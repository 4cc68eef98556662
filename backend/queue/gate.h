/* SPDX-License-Identifier: MIT */
/* Gateways: their connections, and what they ask. */
#pragma once

struct queue;

/* Takes fd, a connection whose peer's user was checked. */
void gate_accept(struct queue *q, int fd);
/* Frees connections that are closed. */
void gate_reap(struct queue *q);
/* Closes all. */
void gate_done(struct queue *q);
