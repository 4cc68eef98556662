/* SPDX-License-Identifier: MIT */
/*
 * New names: NAME.css becomes NAME_<sha256>.css.
 *
 * The hash is that of the released bytes, in which the names of all that the file refers to stand
 * already, so that a change goes through to the names of all that depend on it. Files that refer to
 * each other in a circle cannot hold their own hashes. They are named together: each file's bytes
 * are taken with the references inside the circle as they were, the hashes of all of them, sorted
 * by path, are hashed with their paths, and a file's hash is that of the result and its path.
 */
#pragma once

#include "site.h"

/* Gives every file that is renamed its new_path. Targets must be set. */
int name_files(struct site *site, struct err *err);

/* "_<sha256>": what goes in front of the last dot. The caller frees it. */
char *name_mark(const struct file *file);
