/* SPDX-License-Identifier: MIT */
/*
 * How a step or a job ended: a closed set, decided by one pure function from
 * what the agent saw. `engine_error` and `lost` are our fault, all others the
 * program's or its client's; the two are never mixed up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

/* X(id, name): the order is stored; append only. */
#define VERDICTS(X)                     \
	X(OK, "ok")                     \
	X(NONZERO_EXIT, "nonzero_exit") \
	X(SIGNALED, "signaled")         \
	X(CPU_TIME, "cpu_time_limit")   \
	X(WALL_TIME, "wall_time_limit") \
	X(MEMORY, "memory_limit")       \
	X(OUTPUT, "output_limit")       \
	X(DISK, "disk_limit")           \
	X(PROCESSES, "process_limit")   \
	X(BUILD_FAILED, "build_failed") \
	X(WRONG_OUTPUT, "wrong_output") \
	X(CANCELLED, "cancelled")       \
	X(LOST, "lost")                 \
	X(ENGINE_ERROR, "engine_error")

enum verdict {
#define X(id, name) VERDICT_##id,
	VERDICTS(X)
#undef X
		VERDICT_MAX_, /* also: none yet */
};

/* Never NULL; "none" outside the enum. */
const char *verdict_name(enum verdict verdict);
/* VERDICT_MAX_ for an unknown name. */
enum verdict verdict_by_name(const char *name);

/* What the agent saw of one step. */
struct evidence {
	enum limit killed_for;  /* the limit for which we killed it, LIMIT_MAX_: none */
	int exit_code;          /* of the step's first process; -1 when a signal ended it */
	int signal;             /* that ended it, 0: none */
	int64_t wall_us;        /* from go to the end of the last process */
	int64_t cpu_us;         /* of all processes, orphans included */
	int64_t memory_peak;    /* bytes */
	int64_t processes_peak; /* at one time */
	uint64_t oom_kills;     /* by the kernel, within the job's memory limit */
	uint64_t pids_refused;  /* forks refused by the job's process limit */
	int64_t disk_used;      /* bytes in the fullest of the job's file systems at the end */
	bool disk_full;         /* such a file system had nothing left (bytes or inodes) */
	bool file_limit_hit;    /* a process died of SIGXFSZ */
	uint64_t stdout_bytes;  /* written by the job, past the cap too */
	uint64_t stderr_bytes;
};

struct finding {
	enum verdict verdict;
	enum limit limit; /* that the verdict is about, LIMIT_MAX_: none */
	int64_t configured;
	int64_t measured;
	uint32_t limits_hit; /* bits 1 << enum limit: all that were touched */
};

/*
 * The order of judgement: what we killed for, memory, build_failed, the limits
 * that a program is only told of by errno (if it then failed), signaled,
 * nonzero_exit, wrong_output, ok.
 *   build: the step is the build; a failing one is `build_failed` unless killed.
 *   matches: false where an expected output was given and differs.
 */
struct finding verdict_decide(
	const struct evidence *ev, const struct limits *limits, bool build, bool matches);
