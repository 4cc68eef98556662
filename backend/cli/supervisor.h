/* SPDX-License-Identifier: MIT */
/*
 * Keeps the four roles running.
 *
 *	DOWN ──start──► STARTING ──READY=1──► UP
 *	  ▲                 │                 │
 *	  └────────────── it ended ◄──────────┘   (started again after a pause)
 *
 * One thread, libevent. SIGTERM and SIGINT stop the roles one after the other,
 * driver first; a second one kills. SIGHUP reads the configuration again, all
 * or nothing, and restarts the roles with it.
 */
#pragma once

#include "common/config.h"
#include "place.h"

struct supervisor_options {
	const char *config_path; /* NULL: /etc/dockgate */
	const char *first_job;   /* a task to run once when all is ready, or NULL */
};

/* Takes over both; `text` is what `config` was read from. Returns the exit code. */
int supervisor_run(struct place *place, struct config *config, char *text,
	const struct supervisor_options *options);
