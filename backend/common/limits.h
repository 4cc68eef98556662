/* SPDX-License-Identifier: MIT */
/*
 * What a job may use. THE table of limits: names, units, defaults and ceilings
 * stand here and nowhere else; configuration, HTTP, records, the container's
 * specification and the docs are written from it.
 *
 * A value of LIMIT_UNSET means "not said". Zero and negative numbers are never
 * "unlimited": they are refused where they enter.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LIMIT_UNSET INT64_C(-1)
#define MIB         (INT64_C(1024) * 1024)

/* X(id, member, default, ceiling where the task names none, smallest value taken, unit, what it
 * bounds) */
/* clang-format off */
#define LIMITS(X)                                                                                                        \
	X(CPU,       cpu_ms,       10000,     600000,     1,         "ms",        "cpu time of all processes of a step")      \
	X(WALL,      wall_ms,      20000,     1200000,    1,         "ms",        "time from start to end of a step")         \
	X(MEMORY,    memory_bytes, 256 * MIB, 4096 * MIB, 4 * MIB,   "bytes",     "memory, tmpfs pages included")             \
	X(PROCESSES, processes,    64,        1024,       1,         "processes", "processes and threads at one time")        \
	X(OUTPUT,    output_bytes, 16 * MIB,  256 * MIB,  1,         "bytes",     "stdout and stderr, each, of a step")       \
	X(FILE,      file_bytes,   64 * MIB,  1024 * MIB, 1,         "bytes",     "one file that the job writes")             \
	X(DISK,      disk_bytes,   64 * MIB,  1024 * MIB, 64 * 1024, "bytes",     "the workspace; /tmp has as much again")    \
	X(FILES,     open_files,   256,       4096,       8,         "files",     "open files of one process")                \
	X(CPUS,      cpus,         1000,      64000,      10,        "1/1000",    "processors at one time; JSON has 0.5, 1.5")
/* clang-format on */

#define PRIORITY_MAX 9 /* of a job among those of its client */

enum limit {
#define X(id, member, def, ceiling, min, unit, what) LIMIT_##id,
	LIMITS(X)
#undef X
		LIMIT_MAX_, /* also: "no limit" where a step hit none */
};

struct limits {
	int64_t v[LIMIT_MAX_]; /* indexed by enum limit; LIMIT_CPUS in thousandths */
};

/* The member's name in requests, answers and configuration ("cpu_ms"). Never NULL. */
const char *limit_name(enum limit limit);
const char *limit_unit(enum limit limit);
const char *limit_what(enum limit limit);
int64_t limit_min(enum limit limit);
int64_t limit_default(enum limit limit);
int64_t limit_ceiling(enum limit limit);
/* The limit of that name, LIMIT_MAX_ for an unknown one. */
enum limit limit_by_name(const char *name);

/* All LIMIT_UNSET. */
void limits_unset(struct limits *limits);
/* All defaults of the table. */
void limits_default(struct limits *limits);

/*
 * What holds for a step: `asked` where it is set, else `base`, never above
 * `ceiling`, never below the table's smallest value. All fields of base and
 * ceiling must be set. Used by the driver on its own configuration, so that a
 * message alone can never raise a limit.
 */
void limits_resolve(const struct limits *base, const struct limits *ceiling,
	const struct limits *asked, struct limits *ret);

/* What follows from limits: bytes of /dev/shm, and inodes of a tmpfs of so many bytes. */
#define LIMITS_SHM_MAX (64 * MIB)
int64_t limits_shm_bytes(const struct limits *limits);
int64_t limits_inodes(int64_t bytes);
