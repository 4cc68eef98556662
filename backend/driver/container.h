/* SPDX-License-Identifier: MIT */
/*
 * The engine's order for one container, as JSON: a pure function of what the
 * operator's task says, the limits and the slot. What stands in it is what a
 * container may do; nothing of a request reaches it but limits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strv.h"

#define LABEL_INSTANCE "org.dockgate.instance"
#define LABEL_JOB      "org.dockgate.job"
#define LABEL_ATTEMPT  "org.dockgate.attempt"
#define LABEL_TASK     "org.dockgate.task"
#define LABEL_SLOT     "org.dockgate.slot"

#define CONTAINER_MEMORY_RESERVE (32 * MIB) /* the agent's, beyond what the job may use */
#define CONTAINER_PIDS_RESERVE   16
#define CONTAINER_CPUS_RESERVE   100  /* or the job's own share would hold PID 1 back, too */
#define CONTAINER_PIDS_SLOT      32   /* in place of these two, for a slot: there is the next */
#define CONTAINER_CPUS_SLOT      1000 /* job's init, and it is made while a job runs */
/*
 * A runtime of the task's own may be a kernel in user space, such as gVisor: then the container's
 * cgroup counts its threads and not what the job calls its processes, which the agent looks at.
 */
#define CONTAINER_RUNTIME_THREADS 4 /* for each process */
#define CONTAINER_PIDS_RUNTIME    128

/* What the engine and its machine are like, as far as containers depend on it. */
struct container_host {
	const char *instance;      /* ours, on the label */
	const char *agent_volume;  /* the volume that holds the agent */
	const char *cgroup_parent; /* NULL: the engine's default */
	const char *apparmor;      /* profile's name, NULL: the engine's own, if any */
	const char *seccomp;       /* profile as JSON; Podman's: the name of a file with it */
	bool podman;               /* its API takes fewer options of a tmpfs */
	int64_t cpus;              /* thousandths that the machine has */
	const char *gpu_cdi;       /* the kind of CDI devices, NULL: the toolkit's own way */
};

struct container_shape {
	const struct task *task;
	const char *image;                /* its id */
	const struct strv *image_volumes; /* paths that the image declares, NULL: none */
	bool image_checks_health;         /* the image has a HEALTHCHECK */
	struct limits limits;             /* the most that a step in it may use; all set */
	bool sandbox; /* a slot, for jobs in namespaces of their own; else for one job */
	unsigned slot;
	uid_t agent_uid, job_uid;
	const char *job;  /* id for the label, NULL: not known yet */
	const char *gpus; /* those the job was given; NULL: as the task says */
	uint32_t attempt;
};

/* Bytes of the whole container for these limits. */
int64_t container_memory_bytes(const struct limits *limits);

struct engine_reply;

#define CONTAINER_ID_MAX 79

/* The id of one that was made: /containers/create. */
int container_read_id(
	const struct engine_reply *reply, char ret[static CONTAINER_ID_MAX + 1], struct err *err);

/* What the engine says of one: /containers/ID/json. */
struct container_state {
	bool running;  /* or paused */
	bool oom;      /* its memory ran out */
	int exit_code; /* -1: it has none that could be true */
};

int container_read_state(
	const struct engine_reply *reply, struct container_state *ret, struct err *err);

/* The caller frees *ret. */
int container_json(const struct container_host *host, const struct container_shape *shape,
	char **ret, struct err *err);
