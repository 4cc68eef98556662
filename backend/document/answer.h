/* SPDX-License-Identifier: MIT */
/* Jobs as the native face shows them: from the queue's messages to JSON, always in the same order.
 */
#pragma once

#include "json_text.h"
#include "wire/listing.h"
#include "wire/msg.h"
#include "wire/result.h"

/*
 * What the job's `result` blob says. False in *ret_has where there is none (the job has
 * not run). *ret is the caller's in any case: result_done().
 */
int answer_result(const struct msg_job *job, struct result *ret, bool *ret_has, struct err *err);

/* The step whose figures and output are the job's own; NULL where no step was run. */
const struct step_result *answer_deciding(const struct result *result);

/* The whole document. It needs the job's blob `spec`, and after its end result, out and err. */
int answer_job(struct json_text *t, const struct msg_job *job, struct err *err);

/* The same without the contents of outputs; of the blobs it needs spec and result. */
int answer_job_bare(struct json_text *t, const struct msg_job *job, struct err *err);

/*
 * A step without its outputs' contents, with what the job's document has of it. `index`: of a
 * case, from 0; -1: the build.
 */
void answer_step(struct json_text *t, const struct step_result *step, int64_t index);

/* [{name, bytes, sha256, type}] */
void answer_files(struct json_text *t, const struct result *result);

/* {"files": ..., "skipped": [{name, reason}]} */
void answer_file_list(struct json_text *t, const struct result *result);

/* One row of a list; the id is cut for others than its owner. */
void answer_row(struct json_text *t, const struct listing_row *row);
