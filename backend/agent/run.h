/* SPDX-License-Identifier: MIT */
/*
 * A step from its order to STEP_END: gets a spare, moves bytes in and out,
 * kills what is left, reports.
 */
#pragma once

#include <stdbool.h>

#include "common/limits.h"
#include "frame_io.h"

/* Starts agent.order, or waits for what it needs: call again when that is there. */
void run_begin(void);
/* The step is to end: its first process did, or for that limit. */
void run_finish(enum limit limit);
/* Kills all of the job's uid; agent.kill_again_us says when to look again. */
void run_kill(void);
/*
 * Some kernels that are no Linux (gVisor's) have no answer to what run_gone() asks; then a kill
 * that found nobody is it.
 */
bool run_users_hidden(void);
/* The step has had all of its wall clock, and something of it is there. */
bool run_is_overdue(void);
/* No process of the step is left, not even a dead one. */
bool run_gone(void);
/* Closes what the last step needed: after what somebody waits for. */
void run_tidy(void);
/* Forgets a step, whatever it was at. */
void run_abandon(void);
/* Reads stdout and stderr where they were seen readable; reports the end when that was all. */
void run_pump(bool readable);
/* Whether stream 0 (stdout) or 1 (stderr) can be read now. */
bool run_may_read(int stream);
/* A signal to the program that runs. */
void run_signal(const struct frame *frame);
/* What was typed goes to the program, as far as its pipe takes it. */
void run_typed(void);
/* Feeds a STDIN frame. True when it is done with, false when the pipe is full. */
bool run_stdin(const struct frame *frame);
