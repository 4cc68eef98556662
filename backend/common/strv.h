/* SPDX-License-Identifier: MIT */
/* A growing, NULL-terminated array of owned strings: argv, environments, globs. */
#pragma once

#include <stddef.h>

#include "cleanup.h"
#include "err.h"

struct strv {
	char **v; /* owned; v[n] is NULL; v itself is NULL while n is 0 */
	size_t n;
};

/* Appends a copy. -ENOMEM leaves the array as it was. */
int strv_add(struct strv *sv, const char *text, struct err *err);
int strv_addn(struct strv *sv, const char *text, size_t len, struct err *err);
int strv_copy(struct strv *to, const struct strv *from, struct err *err);
/* Releases all and leaves an empty array. */
void strv_done(struct strv *sv);

#define cleanup_strv CLEANUP(strv_done)
