/* SPDX-License-Identifier: MIT */
/* THE list of signals that a client may send to its job's program. */
#pragma once

#define JOB_SIGNAL_MAX 64 /* of any signal's number */

/* "INT" or "SIGINT"; 0: not one of the list. */
int job_signal_by_name(const char *name);
/* "INT"; NULL: not one of the list. */
const char *job_signal_name(int number);
