/* SPDX-License-Identifier: MIT */
/* Handlers of /v1/jobs and below, and of /v1/queue. */
#pragma once

#include "exchange.h"
#include "request.h"

void jobs_submit_begin(struct exchange *ex);
void jobs_submit(struct exchange *ex);
void jobs_get(struct exchange *ex);
void jobs_cancel(struct exchange *ex);
void jobs_list(struct exchange *ex);
void jobs_queue(struct exchange *ex);
void jobs_stdout(struct exchange *ex);
void jobs_stderr(struct exchange *ex);
void jobs_files(struct exchange *ex);
void jobs_file(struct exchange *ex);

/*
 * A response of bytes from where they are: the blob's descriptor is taken over. NULL: no memory,
 * or they are not there.
 */
struct MHD_Response *jobs_bytes(struct blob *blob, uint64_t offset, uint64_t len);

/* Asks for the job that the address names; its refusals are answered. */
void jobs_ask(struct exchange *ex, unsigned want, exchange_reply *reply);

/* Sends a checked request to the queue; both faces' way. */
void jobs_send(struct exchange *ex, struct request *req, bool classic, exchange_reply *reply);
/* A mistake of the client's (-EINVAL) is 400, anything else is ours. */
void jobs_answer_error(struct exchange *ex, int r, const struct err *err);

/* "queued,running" as bits. */
bool jobs_parse_states(const char *text, uint32_t *ret);
/* An exchange_reply: answers with a new job and its address. */
void jobs_on_submitted(struct exchange *ex, struct msg *msg);
