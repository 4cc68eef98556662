/* SPDX-License-Identifier: MIT */
/*
 * A VFS for SQLite over its usual one, in place of the store's own: it tells the disk (disk.h)
 * of each file that is made, written, cut, synced and removed. The index of the
 * write-ahead log ("-shm") is memory: nothing of it survives.
 */
#pragma once

/* Before the store is opened; the disk must be on. */
void vfs_register(void);
