/* SPDX-License-Identifier: MIT */
/*
 * From a request's JSON to the record of a job. Whatever is wrong with it is said with
 * the path of the member: "cases[3].limits.cpu_ms: 0 is below the smallest value, 1".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/callback.h"
#include "common/config.h"
#include "common/job_id.h"
#include "input.h"
#include "wire/spec.h"

struct request {
	struct spec spec;
	struct input input;
	int64_t retention_s;                 /* -1: the task's */
	char callback[CALLBACK_URL_MAX + 1]; /* where its ending is announced; "": nowhere */
	const char *key; /* of the caller: makes the request safe to repeat. NULL: none */
	struct job_id fingerprint;
	uint32_t priority; /* up to PRIORITY_MAX */
};

void request_init(struct request *req);
void request_done(struct request *req);

/* One more file, from bytes that are in req->input already. -EINVAL says what is wrong with the
 * name. */
int request_add_file(struct request *req, const char *name, const struct extent *data,
	bool executable, struct err *err);

/*
 * Fills `req`, which may have got files and stdin by other ways before. -EINVAL: the
 * client's mistake, said for the client; anything else is ours. `req` must be released
 * in any case.
 */
int request_parse(const struct config *config, const char *json, size_t n, struct request *req,
	struct err *err);

/* The classic face's job: `data` is the one argument of the configured task. */
int request_classic(const struct config *config, const char *data, size_t n, struct request *req,
	struct err *err);
