/* SPDX-License-Identifier: MIT */
/*
 * Connections that have had their last answer while their client still sends: a socket closed
 * with bytes unread takes the answer back from whoever hears it only when all is sent. What comes
 * is thrown away, for a while.
 */
#pragma once

#include <event2/event.h>
#include <stdint.h>

struct stragglers;

/* NULL: no memory. */
struct stragglers *straggler_new(struct event_base *base);
/*
 * `fd` stays the caller's, who may close it. Ends what is sent on it, and reads on until the client
 * closes, `most` bytes have come, or it has taken too long; where there are too many of them
 * already, not at all.
 */
void straggler_take(struct stragglers *stragglers, int fd, uint64_t most);
/* Closes them all. NULL is fine. */
void straggler_free(struct stragglers *stragglers);
