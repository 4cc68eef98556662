/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <stddef.h>
#include <string.h>

static const char *const names[VERDICT_MAX_] = {
#define X(id, name) [VERDICT_##id] = name,
	VERDICTS(X)
#undef X
};

const char *verdict_name(enum verdict verdict)
{
	return (size_t)verdict < VERDICT_MAX_ ? names[verdict] : "none";
}

enum verdict verdict_by_name(const char *name)
{
	for (size_t i = 0; i < VERDICT_MAX_; i++)
		if (strcmp(names[i], name) == 0)
			return (enum verdict)i;
	return VERDICT_MAX_;
}

static enum verdict killed_verdict(enum limit limit)
{
	switch (limit) {
	case LIMIT_CPU:
		return VERDICT_CPU_TIME;
	case LIMIT_WALL:
		return VERDICT_WALL_TIME;
	case LIMIT_MEMORY:
		return VERDICT_MEMORY;
	case LIMIT_OUTPUT:
		return VERDICT_OUTPUT;
	case LIMIT_DISK:
	case LIMIT_FILE:
		return VERDICT_DISK;
	case LIMIT_PROCESSES:
		return VERDICT_PROCESSES;
	default:
		return VERDICT_ENGINE_ERROR; /* nothing else is a reason to kill */
	}
}

static int64_t measured(const struct evidence *ev, enum limit limit)
{
	switch (limit) {
	case LIMIT_CPU:
		return ev->cpu_us / 1000;
	case LIMIT_WALL:
		return ev->wall_us / 1000;
	case LIMIT_MEMORY:
		return ev->memory_peak;
	case LIMIT_OUTPUT:
		return (int64_t)(ev->stdout_bytes > ev->stderr_bytes ? ev->stdout_bytes
								     : ev->stderr_bytes);
	case LIMIT_DISK:
		return ev->disk_used;
	case LIMIT_PROCESSES:
		return ev->processes_peak;
	default:
		return 0;
	}
}

static uint32_t touched(const struct evidence *ev, const struct limits *limits)
{
	uint32_t hit = 0;
	uint64_t cap = (uint64_t)limits->v[LIMIT_OUTPUT];

	if (ev->killed_for != LIMIT_MAX_)
		hit |= 1U << ev->killed_for;
	if (ev->oom_kills > 0)
		hit |= 1U << LIMIT_MEMORY;
	if (ev->pids_refused > 0)
		hit |= 1U << LIMIT_PROCESSES;
	if (ev->disk_full)
		hit |= 1U << LIMIT_DISK;
	if (ev->file_limit_hit)
		hit |= 1U << LIMIT_FILE;
	if (ev->stdout_bytes > cap || ev->stderr_bytes > cap)
		hit |= 1U << LIMIT_OUTPUT;
	return hit;
}

static void blame(struct finding *f, enum verdict verdict, enum limit limit,
	const struct evidence *ev, const struct limits *limits)
{
	f->verdict = verdict;
	f->limit = limit;
	f->configured = limits->v[limit];
	f->measured = measured(ev, limit);
	if (limit == LIMIT_FILE)
		f->measured = f->configured; /* the kernel stops the write at the limit */
}

struct finding verdict_decide(
	const struct evidence *ev, const struct limits *limits, bool build, bool matches)
{
	bool failed = ev->signal != 0 || ev->exit_code != 0;
	struct finding f = {
		.verdict = VERDICT_OK,
		.limit = LIMIT_MAX_,
		.limits_hit = touched(ev, limits),
	};

	if (ev->killed_for != LIMIT_MAX_)
		blame(&f, killed_verdict(ev->killed_for), ev->killed_for, ev, limits);
	else if (ev->oom_kills > 0)
		blame(&f, VERDICT_MEMORY, LIMIT_MEMORY, ev, limits);
	else if (build && failed)
		f.verdict = VERDICT_BUILD_FAILED;
	else if (failed && ev->file_limit_hit)
		blame(&f, VERDICT_DISK, LIMIT_FILE, ev, limits);
	else if (failed && ev->disk_full)
		blame(&f, VERDICT_DISK, LIMIT_DISK, ev, limits);
	else if (failed && ev->pids_refused > 0)
		blame(&f, VERDICT_PROCESSES, LIMIT_PROCESSES, ev, limits);
	else if (ev->signal != 0)
		f.verdict = VERDICT_SIGNALED;
	else if (ev->exit_code != 0)
		f.verdict = VERDICT_NONZERO_EXIT;
	else if (!matches)
		f.verdict = VERDICT_WRONG_OUTPUT;
	return f;
}
