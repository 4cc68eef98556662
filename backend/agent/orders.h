/* SPDX-License-Identifier: MIT */
/*
 * What the driver asks for, taken apart and checked: pure functions from
 * payloads to values. Nothing here touches the system.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/limits.h"
#include "wire/frame.h"

#define ORDERS_GLOBS_MAX 256
#define ORDERS_GLOB_MAX  1024  /* bytes of one */
#define ORDERS_ARGS_MAX  65536 /* arguments, and as many variables */

struct prepare_order {
	uid_t agent_uid, job_uid;
	struct limits limits;
	bool kill_at_output, network, sandbox;
};

struct step_order {
	enum frame_step kind;
	struct limits limits;
	uint32_t argc, envc;
	bool open_input;
	cpu_set_t place; /* not the order's: the job's; empty: on any processor */
	char *strings;   /* owned: argc + envc strings, each with its NUL */
	size_t strings_len;
};

struct file_order {
	char name[FRAME_NAME_MAX];
	mode_t mode;
	uint64_t bytes;
};

struct collect_order {
	uint32_t files_max;
	uint64_t bytes_max;
	uint32_t n;
	char *globs[ORDERS_GLOBS_MAX]; /* owned */
	bool copy;                     /* the job goes on afterwards */
};

/* All return 0 or -EPROTO with what is wrong. */
int orders_prepare(const uint8_t *p, size_t n, struct prepare_order *ret, struct err *err);
/* Refuses limits above `most`, those of PREPARE. Free with step_order_done(). */
int orders_step(const uint8_t *p, size_t n, const struct limits *most, struct step_order *ret,
	struct err *err);
/* An empty set: on any processor. */
int orders_place(const uint8_t *p, size_t n, cpu_set_t *ret, struct err *err);
int orders_file(const uint8_t *p, size_t n, struct file_order *ret, struct err *err);
/* Free with collect_order_done(). */
int orders_collect(const uint8_t *p, size_t n, struct collect_order *ret, struct err *err);

void step_order_done(struct step_order *order);
void collect_order_done(struct collect_order *order);

/* True for a relative name whose components are none of "", "." and "..". */
bool orders_name_ok(const char *name);
