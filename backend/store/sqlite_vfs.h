/* SPDX-License-Identifier: MIT */
/*
 * A VFS for SQLite that takes a relative path as it is. SQLite's own makes it
 * absolute by getcwd(3) and readlink(2) on the way, which fails where the
 * parents of the working directory are closed to this user.
 */
#pragma once

#include "common/err.h"

#define SQLITE_VFS_RELATIVE "dockgate-relative"

/* Once for each process; more often does no harm. */
int sqlite_vfs_register(struct err *err);
