/* SPDX-License-Identifier: MIT */
/*
 * The agent's state, one for the process: what the loop (agent.c), the pool of
 * spares (pool.c) and the running step (run.c) share, and how all of them end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "disk.h"
#include "files.h"
#include "frame_io.h"
#include "orders.h"
#include "step.h"
#include "wire/pack.h"

#define SPARES_WARM 2 /* prepared before the job: a build and a case, or a case */
#define SPARES_MAX  4 /* prepared at once when those are used up: one wait for all */

enum phase {
	PHASE_NEW,      /* PREPARE is awaited */
	PHASE_WARMING,  /* spares are being prepared */
	PHASE_WARM,     /* START is awaited */
	PHASE_IDLE,     /* FILE, STEP or COLLECT */
	PHASE_WAITING,  /* a step waits for a spare */
	PHASE_LIMITING, /* a step waits for its lower limits */
	PHASE_RUNNING,
	PHASE_ENDING,   /* being killed */
	PHASE_DRAINING, /* all are dead: the rest of the output */
	PHASE_COLLECTING,
	PHASE_LAST, /* DONE goes out */
};

struct agent {
	enum phase phase;
	int signal_fd, keeper_fd, killer_fd, collect_fd; /* -1: none */
	pid_t keeper_pid, killer_pid, collect_pid;
	bool kill_pending; /* the killer has not answered */
	int64_t kill_again_us;
	struct prepare_order job;
	enum frame_cgroup kind;
	struct meter container; /* opened where there is no cgroup of the job's own */
	char no_cgroup[256];
	uint8_t nonce[FRAME_NONCE_BYTES];
	struct spare spares[SPARES_MAX];
	unsigned int spares_made;
	bool job_stdin; /* STDIN_END is still to come */
	size_t stdin_off;
	struct input input;
	struct ballast ballast;
	struct packer more; /* payloads of MORE */
	struct step_order order;
	unsigned int limited; /* number of the spare whose cgroup has the order's limits; 0: none */
	struct step step;
	unsigned int steps;
	bool collected; /* the collector has ended well */
	bool moved;     /* the phase changed: look again before waiting */
	struct frame_in in;
	struct frame_out out;
};

extern struct agent agent;

/* Our failure: says so as far as the driver listens, and takes everything along. */
_Noreturn void fault(const struct err *err);
_Noreturn void fault_say(const char *text);
/* fault() where r is negative. */
void must(int r, const struct err *err);
