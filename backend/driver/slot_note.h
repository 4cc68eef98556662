/* SPDX-License-Identifier: MIT */
/*
 * What the driver found out about slots on this machine, in a file of its state
 * directory, for `dockgate doctor`.
 */
#pragma once

#include <stddef.h>

/* In the working directory, the state's. why: NULL where slots work. Best effort. */
void slot_note_write(const char *why);
/* What an earlier process found may be wrong by now. */
void slot_note_forget(void);

/* 1: slots work. 0: they do not, *why says why not. -errno: not known (-ENOENT: none was made). */
int slot_note_read(const char *state_dir, char *ret_why, size_t size);
