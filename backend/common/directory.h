/* SPDX-License-Identifier: MIT */
/* Directories that outlive a power cut: what is in one is only as safe as the name it has. */
#pragma once

#include <sys/types.h>

#include "err.h"

/*
 * Makes it where it is missing, with mkdir(2)'s mode, and syncs the directory above it. That
 * one, where it is closed to us, is left to whoever made what is in it.
 */
int directory_make(const char *path, mode_t mode, struct err *err);
/* The second half of it. */
int directory_sync_above(const char *path, struct err *err);
