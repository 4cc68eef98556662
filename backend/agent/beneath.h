/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

/*
 * Opens one component below `dir`: never through a symbolic link, never into
 * another file system, never waiting for a fifo's other end. A descriptor
 * (close-on-exec) or -errno; -ELOOP for a link.
 */
int beneath_open(int dir, const char *name, int flags, mode_t mode);

/*
 * A directory any number of components below, in one call, with the same care for each of them. The
 * path is one that was checked. A descriptor (close-on-exec) or -errno; -ENOSYS: a kernel
 * before 5.6.
 */
int beneath_open_dir(int dir, const char *path);
