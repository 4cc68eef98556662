/* SPDX-License-Identifier: MIT */
/* What disk.c keeps and disk_cut.c makes an image of. Nobody else includes this. */
#pragma once

#include <sys/queue.h>
#include <sys/types.h>

#include "disk.h"

#define DISK_NAME_MAX 64

/* Not synced yet. */
struct disk_change {
	STAILQ_ENTRY(disk_change) next;
	bool is_size; /* the file has `offset` bytes now */
	uint64_t offset;
	size_t n;
	uint8_t data[];
};

struct disk_entry {
	STAILQ_ENTRY(disk_entry) next;
	char name[DISK_NAME_MAX];
	struct disk_file *file; /* NULL: the name is gone */
};

STAILQ_HEAD(disk_changes, disk_change);
STAILQ_HEAD(disk_entries, disk_entry);

/* A file or a directory. */
struct disk_file {
	STAILQ_ENTRY(disk_file) next;
	ino_t ino;
	int fd; /* owned: nobody else gets its number while it is open */
	bool is_directory;
	bool is_spool;
	bool is_told; /* of each write: `changes` are all that happened */
	/* Of a file, as it was synced. */
	uint8_t *data; /* owned */
	size_t size;
	struct disk_changes changes;
	/* Of a directory. */
	struct disk_entries names, new_names; /* synced; not synced, oldest first */
};

/* Puts a name at its new file, or takes it away. */
void disk_name(struct disk_entries *names, const char *name, struct disk_file *file);
void disk_resize(uint8_t **data, size_t *size, size_t to);
/* All that can be read of it, now. The caller frees it. */
uint8_t *disk_read(const struct disk_file *file, size_t *ret_size);
/* Whatever does not work is the test's own failure. */
_Noreturn void disk_fail(const char *what);

/* Writes below the directory `image` what survives of the directory `root`. */
void disk_image(const struct disk_file *root, const char *image, uint64_t seed);
