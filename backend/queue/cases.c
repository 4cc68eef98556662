/* SPDX-License-Identifier: MIT */
#include "cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "queue.h"

void cases_take(struct queue *q, const struct msg_cases *said)
{
	struct job *job = jobs_find(&q->jobs, &said->id);
	uint8_t *data = NULL;
	struct err err;

	if (job == NULL || job->state != JOB_RUNNING || job->attempt != said->attempt ||
		job->driver != q->drive.instance)
		return;
	if (blob_read_all(&said->steps, MSG_CASES_MAX, &data, &err) < 0) {
		log_warning("job=%s its cases are not shown: %s", queue_short_id(&said->id).text,
			err.msg);
		return;
	}
	free(job->cases);
	job->cases = data;
	job->cases_len = (size_t)said->steps.len;
}

int cases_show(struct queue *q, struct msg_job *msg, struct err *err)
{
	const struct job *job = jobs_find(&q->jobs, &msg->id);
	uint8_t *copy;

	if (msg->state != JOB_RUNNING || job == NULL || job->cases == NULL ||
		job->attempt != msg->attempt || msg->result.len > 0)
		return 0;
	copy = malloc(job->cases_len);
	if (copy == NULL)
		return err_set(err, ENOMEM, "cases");
	memcpy(copy, job->cases, job->cases_len);
	msg->result = (struct blob){ .len = job->cases_len, .data = copy, .fd = -1 };
	return 0;
}
