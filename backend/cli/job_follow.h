/* SPDX-License-Identifier: MIT */
/* A job's output while it runs, from its event stream. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "client.h"

/* Descriptors; -1: nowhere. */
struct follow_to {
	int out, err;
	int build; /* both streams of the build step */
	bool tell; /* on stderr, while it waits, at which place, where that is a terminal */
};

/*
 * From the job's start to its end, whenever that was. A service that goes away is waited for,
 * and the output goes on where it was. That a job was started again is said on stderr. *ret,
 * the caller's: the job, without its outputs' contents.
 */
int job_follow(struct client *client, const char *id, const struct follow_to *to, json_t **ret,
	struct err *err);
