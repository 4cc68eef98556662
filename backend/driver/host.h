/* SPDX-License-Identifier: MIT */
/* What the engine's machine is like, from its own words, and what only root can prepare on ours. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/err.h"

#define HOST_APPARMOR_PROFILE "dockgate-slot"

struct host {
	int64_t cpus; /* thousandths */
	int64_t memory_bytes;
	bool systemd_cgroups; /* the engine's cgroup driver */
	bool apparmor;
	bool podman;       /* Podman's service, which speaks Docker's API */
	bool small_uids;   /* rootless or remapped: uids from 65536 on do not exist in containers */
	char version[100]; /* "Docker 20.10.24", "Podman 4.3.1" */
};

/* Of the engine's /info. -EPROTO where it says nonsense. */
int host_parse(json_t *info, struct host *ret, struct err *err);

/* The cgroup that all jobs' containers are below, as the engine wants it. */
void host_cgroup_parent(
	const struct config *config, const struct host *host, char *ret, size_t size);

/*
 * Before rights are given up, where we are root and the engine is local: make
 * that cgroup with a cap on memory and processes for all jobs together. Best
 * effort: false (and a word in the log) where it cannot be done.
 */
bool host_cap_cgroup(const struct config *config);

/* Is deploy/apparmor's profile loaded in this kernel? 1 or 0; -errno where that cannot be seen. */
int host_has_slot_profile(void);

/*
 * This machine's GPUs: those of the configuration, else as many as the NVIDIA driver's
 * directory (`proc`, NULL for /proc/driver/nvidia/gpus) has, "0" being the first. None where the
 * engine is on another machine and the configuration names none.
 */
void host_gpus(const struct config *config, bool local, const char *proc, struct gpu_list *ret);

/* Containers that the engine is asked to make at one time, to begin with. */
unsigned host_engine_at_once(const struct config *config, const struct host *host);

/* The first of the uids for slots: the configuration's, or one that exists in small maps. */
uid_t host_uid_base(const struct config *config, const struct host *host);
