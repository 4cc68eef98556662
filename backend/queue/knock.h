/* SPDX-License-Identifier: MIT */
/*
 * "Look now", between machines that share a store: a datagram that carries nothing else, said
 * after each commit that moved a job. A lost one costs one poll interval. One that somebody
 * made up costs a look.
 */
#pragma once

#include "common/config.h"
#include "common/err.h"

struct queue;
struct knock;

/* Binds where the configuration says so: before rights are given up. *ret is NULL where it does
 * not. */
int knock_open(const struct config *config, struct knock **ret, struct err *err);
/* NULL is fine. */
void knock_close(struct knock *knock);
int knock_listen(struct queue *q, struct err *err);
void knock_say(struct queue *q);
