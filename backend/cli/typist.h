/* SPDX-License-Identifier: MIT */
/*
 * What is typed here goes to a job that runs: our stdin to its, Ctrl-C to its program. Two
 * processes do that beside the one that shows the job's output, so that neither a program that
 * does not read nor a reader that does not type keeps the other waiting.
 */
#pragma once

#include <sys/types.h>

#include "cli.h"
#include "common/err.h"

struct typist {
	pid_t input;   /* 0: none */
	pid_t signals; /* told of Ctrl-C with SIGUSR1; sends its parent SIGUSR2 to cancel */
};

/* For the job of that id; signals are to be caught from now on with typist_signal(). */
int typist_start(const struct cli *cli, const char *id, struct typist *ret, struct err *err);
/* Ctrl-C was typed. Safe in a signal handler. */
void typist_signal(const struct typist *typist);
void typist_stop(struct typist *typist);
