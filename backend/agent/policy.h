/* SPDX-License-Identifier: MIT */
/*
 * The system calls that a container, the agent and a job may make. One table
 * (policy_table.h) says it all; a generator that runs at build time makes of it
 * the filters that the agent carries as BPF and the profile that Docker gets.
 */
#pragma once

enum policy {
	POLICY_AGENT,       /* the agent once it has left uid 0: everything but the way back */
	POLICY_NURSERY,     /* who makes sandboxes, and all in them: no way out of them */
	POLICY_JOB,         /* a program: an allow-list, unix sockets only */
	POLICY_JOB_NETWORK, /* the same with internet sockets */
	POLICY_PLACED,      /* a program, besides: it stays on its processors */
	POLICY_MAX_,
};

/* Installs a filter for the calling thread, for good. Needs no-new-privileges. 0 or -errno. */
int policy_load(enum policy policy);
