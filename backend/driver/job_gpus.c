/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_internal.h"

static int missing(const struct task *task, const struct gpu_list *list, struct err *err)
{
	char have[GPU_TEXT_MAX];

	gpu_list_text(list, UINT64_MAX, have);
	return err_say(err, ENODEV,
		"the task asks for GPUs (%s) that this machine has not: it has %.200s", task->gpus,
		have[0] != '\0' ? have : "none");
}

int job_gpus_set(struct job *job, uint64_t mask, struct err *err)
{
	const struct task *task = job->plan->task;
	const struct gpu_list *list = job->jobs->host.gpus;
	char ids[GPU_TEXT_MAX];

	if (task->gpus == NULL)
		return 0;
	/* Where nobody knows the list, bit 0 is all of them. */
	if (mask == 0 || (mask >> (list->n > 0 ? list->n - 1 : 0)) > 1)
		return missing(task, list, err);
	job->gpus = mask;
	if (!pool_deals_gpus(job->jobs->host.pool, task))
		return 0;
	gpu_list_text(list, mask, ids);
	if (asprintf(&job->gpus_text, "device=%s", ids) < 0) {
		job->gpus_text = NULL;
		return err_set(err, ENOMEM, "gpus");
	}
	return 0;
}
