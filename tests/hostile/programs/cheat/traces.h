/* SPDX-License-Identifier: MIT */
/*
 * What a job could leave for the one after it, one entry a kind. In a job most of it is refused;
 * without a cage all of it is there for the next program.
 */
#pragma once

#include <stdbool.h>

struct trace {
	const char *name;
	void (*leave)(const char *arg); /* NULL: another entry's does */
	bool (*found)(const char *arg);
	const char *arg;
	const char *needs; /* a kernel without that path does not have the kind; NULL: each has */
};

/* Each ends with an entry that has no name. */
extern const struct trace traces_files[], traces_kernel[], traces_processes[];
/* What a program passes on to those that it starts. */
extern const struct trace traces_inherited[];

/* Whether a line of the file has the text in it. */
bool trace_file_has(const char *path, const char *text);
/* The directory that a job begins in. */
const char *trace_workspace(void);
