/* SPDX-License-Identifier: MIT */
/*
 * A disk whose power may fail: what this process writes below its working directory, as far as
 * it was synced, and what is still on its way.
 *
 *	disk_start(&plan);        what lies below the working directory is on the disk
 *	vfs_register();           SQLite's files tell of their writes and syncs (vfs.h)
 *	...                       fsync(2), linkat(2), mkdir(2)... do, too (calls.c)
 *	disk_cut();               or by itself, at the operation that the plan names
 *
 * At the cut the process ends with DISK_CUT, and below plan.image is what a machine could find
 * after it: all that was synced, and of the rest anything. Writes are kept, dropped, torn
 * at sectors, reordered or turned to noise; sizes are the old, the new or between; names
 * that were given or taken are there or not, those of one name in their order. Bytes that a
 * write did not touch stay (what SQLite calls powersafe overwrite).
 *
 * For any thread. In a process without disk_start() all of this does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_CUT    77 /* exit status */
#define DISK_SECTOR 512

/* Syncs that the disk acknowledges and does not do: as if the program had left them out. */
#define DISK_NO_SYNC_OF_DATABASE    1U
#define DISK_NO_SYNC_OF_FILE        2U
#define DISK_NO_SYNC_OF_SPOOL       4U /* of the directory that has this name */
#define DISK_NO_SYNC_OF_DIRECTORIES 8U /* of all others */

struct disk_plan {
	uint64_t seed;   /* of what survives */
	uint64_t cut_at; /* the operation before which the power fails; 0: none */
	unsigned lies;   /* DISK_NO_SYNC_OF_... */
	char image[100]; /* an empty directory */
};

struct disk_file;

void disk_start(const struct disk_plan *plan);
bool disk_is_on(void);
_Noreturn void disk_cut(void);

/* --- files whose every write is told; by path --- */

void disk_made(const char *path);
void disk_removed(const char *path);
/* It is there and has this path. NULL where the disk is off. */
struct disk_file *disk_file_at(const char *path);
/* NULL for `file` is fine with all of these. */
void disk_wrote(struct disk_file *file, uint64_t offset, const void *data, size_t n);
void disk_sized(struct disk_file *file, uint64_t size);
void disk_synced(struct disk_file *file);
void disk_synced_directory_of(const char *path);

/* --- others: what is in them is looked at when they are synced, and at the cut --- */

void disk_made_directory(const char *path);
void disk_synced_fd(int fd); /* of a file or a directory */
void disk_linked(int fd, int dir_fd, const char *name);
void disk_unlinked(int dir_fd, const char *name);
