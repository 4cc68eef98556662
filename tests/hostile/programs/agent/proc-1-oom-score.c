/* SPDX-License-Identifier: MIT */
/* The agent dies in the place of the job. */
#include "hostile.h"

HOSTILE(proc_1_oom_score, STOPPED)
{
	return reached(open("/proc/1/oom_score_adj", O_WRONLY | O_CLOEXEC));
}
