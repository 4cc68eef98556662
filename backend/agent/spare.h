/* SPDX-License-Identifier: MIT */
/*
 * A spare: the process that will be a step's first one, forked, attached to its
 * cgroup and with its pipes in place before anybody waits for it. Until then it
 * has its parent's uid, the agent's or a sandbox's init's, and sleeps on a pipe; the plan that
 * comes through it says what to execute under which limits. What is left to do then takes a
 * fraction of a millisecond.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "meter.h"
#include "orders.h"

enum spare_state {
	SPARE_NONE,
	SPARE_OPEN,   /* asked for, in a sandbox: its pid is not known yet */
	SPARE_FORKED, /* the keeper has not answered yet */
	SPARE_READY,
};

struct spare {
	enum spare_state state;
	unsigned int number; /* also its cgroup's */
	pid_t pid;
	int plan_fd, status_fd;    /* owned */
	int in_fd, out_fd, err_fd; /* owned, non-blocking: our ends of its pipes */
	struct meter meter;        /* owned; METER_NONE where it has no cgroup */
};

/* What the spare says when it could not become the program. */
struct spare_failure {
	int32_t stage; /* enum spare_stage */
	int32_t code;  /* errno */
};

enum spare_stage {
	SPARE_STAGE_RIGHTS = 1,
	SPARE_STAGE_LIMITS,
	SPARE_STAGE_WORKSPACE,
	SPARE_STAGE_FILTER,
	SPARE_STAGE_PLAN,
	SPARE_STAGE_EXEC, /* the program's own fault: not found, not executable */
};

#define SPARE_EMPTY                     \
	((struct spare){ .plan_fd = -1, \
		.status_fd = -1,        \
		.in_fd = -1,            \
		.out_fd = -1,           \
		.err_fd = -1,           \
		.meter = METER_NONE })

/* The ends of its pipes that a spare has itself. */
enum spare_end {
	SPARE_STDIN,
	SPARE_STDOUT,
	SPARE_STDERR,
	SPARE_STATUS,
	SPARE_PLAN,
	SPARE_ENDS,
};

/* Our ends go into *ret, which must be SPARE_EMPTY, the others out, owned: it is not forked yet. */
int spare_open(const struct prepare_order *job, unsigned int number, struct spare *ret,
	int ret_theirs[static SPARE_ENDS], struct err *err);
void spare_ends_close(int ends[static SPARE_ENDS]);
/* Limits that hold for all steps of jobs with those. 0 or -errno. */
int spare_limits(const struct limits *limits);
/* What a forked process does to be the spare that has those ends. */
_Noreturn void spare_main(const struct prepare_order *job, const int ends[static SPARE_ENDS]);
/* Opens and forks one for a job of that order. */
int spare_fork(
	const struct prepare_order *job, unsigned int number, struct spare *ret, struct err *err);
/* Sends it on its way. */
int spare_go(struct spare *spare, const struct step_order *step, struct err *err);
/* 1: it failed and said how; 0: it runs the program, or nothing is known yet. */
int spare_failed(const struct spare *spare, struct spare_failure *ret);
const char *spare_stage_name(int32_t stage);
/* Closes all and leaves SPARE_EMPTY; the process is not waited for. */
void spare_close(struct spare *spare);
