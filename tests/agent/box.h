/* SPDX-License-Identifier: MIT */
/*
 * A container with the real agent in it, and a driver's half of its protocol:
 *
 *	box_image(agent, payload);                      once
 *	struct box *box = box_open(&(struct box_how){ 0 });
 *	struct ending end;
 *	box_step(box, STEP("payload", "exit", "3"), &end);
 *	...
 *	box_close(box);
 *
 * Whatever goes wrong outside of what is tested ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/limits.h"
#include "wire/frame.h"
#include "wire/pack.h"

#define BOX_AGENT_UID 231000
#define BOX_JOB_UID   231001

struct box;

struct bytes {
	uint8_t *data; /* owned, NUL after it */
	size_t len;
};

struct box_how {
	const char *env; /* NAME=value for the agent, NULL: none */
	bool kill_at_output, network;
	bool sandbox;
	bool covered;         /* /proc as Docker covers it, which a sandbox cannot do with */
	struct limits limits; /* 0: the test's default */
};

struct ask {
	const char *argv[10];
	const char *env[4];
	struct limits limits; /* 0: as prepared */
	const void *input;
	size_t input_len;
	bool no_input_end; /* nothing says that its stdin ends */
	bool open_input;   /* its input is what box_send() brings while it runs */
};

struct ending {
	uint8_t nonce[FRAME_NONCE_BYTES];
	uint8_t killed_for, signal, disk_full, file_limit;
	int32_t exit_code;
	int64_t wall_us, cpu_us, memory, processes, disk;
	uint64_t oom_kills, pids_refused, bytes[2];
	char why[400];
	struct bytes out[2];
};

struct got {
	bool skipped, executable;
	char name[FRAME_NAME_MAX], reason[200];
	struct bytes data;
};

#define STEP(...) (&(struct ask){ .argv = { "/payload", __VA_ARGS__ } })

void box_image(const char *agent, const char *payload);
void box_image_remove(void);

/* Started and READY; START has been sent. */
struct box *box_open(const struct box_how *how);
/* The same up to the agent's first frame, for what the driver may do wrong. */
struct box *box_bare(const struct box_how *how);
void box_prepare(struct box *box, const struct box_how *how);
/* In a slot: this job is done, the next one has STARTed. */
void box_next(struct box *box);
/* The same for one that is not done: it is not wanted. */
void box_kill(struct box *box);
uint8_t box_cgroup(const struct box *box);
/* Closes the agent's stdin and waits for the container's end; its exit code. */
int box_close(struct box *box);
/* The same without closing: the agent has to end by itself. */
int box_wait(struct box *box);
/* The agent's process, by its number here. */
pid_t box_agent(void);

void box_send(struct box *box, enum frame_type type, const void *payload, size_t n);
/* The next frame; type 0 at the end. The payload is valid until the next call. */
enum frame_type box_receive(struct box *box, const uint8_t **ret, size_t *ret_n);
/* A FAULT, else the program ends; its text. */
const char *box_fault(struct box *box);
void box_file(struct box *box, const char *name, unsigned int mode, const void *data, size_t n);

void box_ask(struct box *box, const struct ask *ask);
/* The next frame that is not TAKEN, whose bytes are counted. */
enum frame_type box_hear(struct box *box, const uint8_t **ret, size_t *ret_n, size_t *ret_taken);
void box_ending(struct box *box, struct ending *ret);
/* Both. *ret holds memory until ending_done(). */
void box_step(struct box *box, const struct ask *ask, struct ending *ret);
void ending_done(struct ending *end);

/* COLLECT to DONE; number of entries, at most `max`. */
/* A copy of the workspace between two steps. */
size_t box_copy(struct box *box, struct got *ret, size_t max);
size_t box_collect(struct box *box, uint32_t files, uint64_t bytes, const char *const *globs,
	struct got *ret, size_t max);
