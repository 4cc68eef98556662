/* SPDX-License-Identifier: MIT */
/*
 * Sends letters: one POST each, over http or https, straight to the address that its host's
 * name has, and only where that is allowed (common/callback.h); no redirect is followed, no
 * proxy used, little of the answer read. One thread, libcurl in a libevent loop.
 */
#pragma once

#include <event2/event.h>

#include "common/callback.h"
#include "common/config.h"
#include "letter.h"

struct post;
struct posting;

int post_new(
	struct event_base *base, const struct config *config, struct post **ret, struct err *err);
/* What is under way is broken off, without a word. NULL is fine. */
void post_free(struct post *post);

/* `error`: NULL when it was taken (2xx). The posting is gone then. */
typedef void post_done(void *arg, const char *error);

/* Takes the letter over, on failure too. 0, then exactly one call of `done`, later. */
int post_send(struct post *post, const char *url, const struct callback_target *target,
	struct letter *letter, post_done *done, void *arg, struct err *err);
