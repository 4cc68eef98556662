/* SPDX-License-Identifier: MIT */
/*
 * A job as multipart/form-data: the part `job` (JSON, as in a plain request), parts with
 * a file name (files, in any order), and `stdin`. The bytes go into a spool file of the
 * queue's as they come. Until they are a job's, all uploads together, and those of one address,
 * have a part of keep_bytes; small ones have room in any case.
 */
#pragma once

#include "exchange.h"
#include "request.h"

struct upload;

/* At the end of the head: answers, or asks the queue for a spool file. `fingerprint`: of the parts,
 * for upload_finish(). */
void upload_begin(struct exchange *ex, const char *content_type, bool fingerprint);
/* Answers where the body is bad. */
void upload_feed(struct exchange *ex, const char *data, size_t n);
/* The body is whole: fills `req` and parses the part `job`. */
int upload_finish(struct exchange *ex, struct request *req, struct err *err);
/* NULL is fine. */
void upload_free(struct upload *upload);
