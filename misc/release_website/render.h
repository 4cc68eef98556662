/* SPDX-License-Identifier: MIT */
/* A file's bytes as released. */
#pragma once

#include "site.h"

/* The reference is written anew: its target has another name and no import map hides that. */
bool ref_is_marked(const struct ref *ref);

/*
 * The released bytes, owned by the caller; *ret_n their number. NULL if they are the source's, or
 * the file was not read. References into cycle `but_group` (0: none) stay as they are.
 */
char *render(const struct file *file, unsigned but_group, size_t *ret_n);

/* A part of it, as released, if anything in it changes; policies apart. The caller frees it. */
char *render_part(const struct file *file, const struct span *span, size_t *ret_n);

/* "In PAGE: replacing OLD with NEW" for each reference. False if stdout takes no more. */
bool render_report(const struct file *file);
