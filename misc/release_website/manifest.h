/* SPDX-License-Identifier: MIT */
/* A list of old and new names, as a JSON object sorted by the old ones. */
#pragma once

#include "site.h"

struct manifest {
	char *path;      /* owned */
	char *temporary; /* owned; NULL if it is not there */
};

/* Refuses a file in DST, which is about to be replaced, and one that cannot be there. */
int manifest_check(const char *path, const char *dst, struct err *err);
/* Writes it beside its place. Names that are not UTF-8 are an error: JSON cannot hold them. */
int manifest_write(
	struct manifest *manifest, const char *path, const struct site *site, struct err *err);
/* Puts it in its place. */
int manifest_publish(struct manifest *manifest, struct err *err);
void manifest_done(struct manifest *manifest);
