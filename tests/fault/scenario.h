/* SPDX-License-Identifier: MIT */
/*
 * What is done once for every call in it that can fail.
 *
 * run() does something through the real modules, checks what came of it with WANT(), and returns
 * 0, or what the module returned with *err filled in. It takes along whatever it made. test_fault.c
 * runs it undisturbed, then with its first call failing, and undisturbed again; then with its
 * second; and so on until it gets to its end without reaching a call that was to fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct scenario {
	const char *name;
	int (*set_up)(void); /* once, undisturbed; in a directory of its own. May be NULL */
	int (*run)(struct err *err);
	/* The caller's mistake: what a failure of ours must never be taken for. 0-terminated; NULL:
	 * EINVAL. */
	const int *blames;
};

extern const struct scenario config_scenarios[], request_scenarios[], wire_scenarios[],
	store_scenarios[], channel_scenarios[];

/* Something is not as it must be, whether or not a call has failed. */
void wrong(const char *file, int line, const char *what);

#define WANT(condition)                                        \
	do {                                                   \
		if (!(condition))                              \
			wrong(__FILE__, __LINE__, #condition); \
	} while (0)
