/* SPDX-License-Identifier: MIT */
/* A release from begin to end. */
#pragma once

#include "site.h"

struct release_options {
	const char *src, *dst;
	const char *base_url; /* NULL: not known */
	const char *manifest; /* NULL: none */
	bool dry_run;         /* leave DST alone */
	bool backup;          /* keep what was there as DST~ */
	bool quiet;           /* no lines about references */
	bool strict;          /* notes are errors */
};

/* On failure DST is as it was. */
int release(const struct release_options *options, struct err *err);
