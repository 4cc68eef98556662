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
#include "killer.h"
#include "orders.h"
#include "sandbox.h"
#include "step.h"
#include "typed.h"
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
	PHASE_KILLED, /* all of a job that is not wanted: awaited until it is gone */
	PHASE_LAST,   /* DONE goes out */
};

struct agent {
	enum phase phase;
	int signal_fd, keeper_fd, killer_fd, collect_fd, nursery_fd; /* -1: none */
	pid_t keeper_pid, killer_pid, collect_pid, nursery_pid;
	bool kill_pending;         /* the killer has not answered */
	bool users_hidden;         /* the kernel does not say whether a user has processes */
	enum killer_answer killed; /* the killer's last answer */
	int64_t kill_again_us;
	struct prepare_order job;
	enum frame_cgroup kind;
	struct meter container; /* opened where there is no cgroup of the job's own */
	char no_cgroup[256];
	uint8_t nonce[FRAME_NONCE_BYTES];
	/* What the job works in; where it is the container, only the places are used. */
	struct sandbox now;
	struct sandbox next;
	struct sandbox past; /* left, to be closed */
	struct spare used;   /* its step has ended, to be closed */
	unsigned int sandboxes_made;
	unsigned int leaving; /* sandboxes that were left and are not gone yet */
	unsigned int awaited; /* id of the one that must be before READY; 0: none */
	int64_t disk_bytes;   /* that now's workspace has */
	struct spare spares[SPARES_MAX];
	unsigned int spares_made;
	bool job_stdin; /* STDIN_END is still to come */
	size_t stdin_off;
	struct typed typed; /* of a step whose input is open */
	struct input input;
	struct ballast ballast;
	struct packer more; /* payloads of MORE */
	cpu_set_t place;    /* of the job's programs; empty: any */
	struct step_order order;
	unsigned int limited;      /* number of the spare that gets the order's limits; 0: none */
	unsigned int limits_asked; /* answers to come about them */
	struct step step;
	unsigned int steps;
	bool collected; /* the collector has ended well */
	bool copying;   /* it makes a copy: the job goes on */
	bool was_ready;
	int64_t flush_at_us; /* output waits until then; 0: it does not */
	int names_fd;        /* list of unix sockets' names, in a slot */
	int64_t names_at_us; /* names are held: looked at again then; 0: no */
	struct frame_in in;
	struct frame_out out;
};

extern struct agent agent;

/* Our failure: says so as far as the driver listens, and takes everything along. */
_Noreturn void fault(const struct err *err);
_Noreturn void fault_say(const char *text);
/* fault() where r is negative. */
void must(int r, const struct err *err);
