/* SPDX-License-Identifier: MIT */
/*
 * One step as the agent sees it: its clocks, its limits, what it used. What is
 * decided here is only when to kill and for which limit; doing it, and moving
 * bytes, is the agent's loop.
 *
 * wall_us of the report runs from the moment the plan is sent to the moment at
 * which the agent learns of the end of the first process, or decides to kill
 * for a limit, whichever is earlier. cpu_us runs on until the last process of
 * the step is gone, so that what was left behind pays too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "census.h"
#include "disk.h"
#include "spare.h"

struct step {
	struct spare spare; /* owned: the first process */
	struct limits limits;
	bool own_cgroup;               /* spare.meter is the step's alone, else the container's */
	struct meter container;        /* borrowed: what is read where it has none */
	const struct ballast *ballast; /* borrowed */
	int64_t base[FIGURE_MAX_];
	int64_t own_cpu_base_us; /* the agent's, for the container's clock */
	int64_t disk_base;
	int64_t go_us, end_us; /* end_us 0: it runs */
	int64_t next_cpu_us, next_tick_us;
	enum limit killed_for;
	bool killed; /* others than the first process may have been */
	bool reaped; /* the first process */
	int status;  /* as wait4(2) has it */
	bool file_limit_hit;
	int64_t memory_seen, pids_seen, rss_seen; /* largest of the samples */
	int64_t cpu_reaped_us;                    /* of processes that are dead */
	struct census census;                     /* at the start, where no cgroup is to be seen */
	struct disk disk;                         /* largest used, ever full */
	uint64_t bytes[2];                        /* stdout, stderr; cut ones too */
	bool cut_off; /* the spare was gone before it had all of its plan */
	bool failed;
	struct spare_failure failure;
	char program[200]; /* argv[0], for the reason */
};

/*
 * Sends the spare on its way; takes it. container: the meter to use where it has none. A spare that
 * dies of its plan, which can be more than its memory limit, is no failure but the step's end.
 */
int step_go(struct step *step, struct spare *spare, const struct step_order *order,
	const struct meter *container, const struct ballast *ballast, struct err *err);
/* Looks at clocks and limits that are due. LIMIT_MAX_, or the limit to kill for. */
enum limit step_check(struct step *step, int64_t now_us);
/* When step_check() wants to be called next. */
int64_t step_next_us(const struct step *step);
/* A process of the job was reaped. */
void step_reaped(struct step *step, pid_t pid, int status, const struct rusage *usage);
/* The end for a limit, now; the first reason stays. */
void step_end_for(struct step *step, enum limit limit, int64_t now_us);
/* When everything is gone: the last figures, and limits that were passed unseen. */
void step_settle(struct step *step);
/* STEP_END's payload into `buf`; its length. */
size_t step_report(const struct step *step, const uint8_t nonce[static FRAME_NONCE_BYTES],
	uint8_t *buf, size_t size);
