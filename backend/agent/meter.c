/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
	enum controller controller;
	const char *file;
	const char *key; /* the line's first word; NULL: the file is one number */
	int64_t divisor;
};

static const struct source sources[2][FIGURE_MAX_] = {
	[FRAME_CGROUP_JOB_V1] = {
		[FIGURE_CPU_US] = { CONTROLLER_CPUACCT, "cpuacct.usage", NULL, 1000 },
		[FIGURE_MEMORY_PEAK] = { CONTROLLER_MEMORY, "memory.max_usage_in_bytes", NULL, 1 },
		[FIGURE_MEMORY_NOW] = { CONTROLLER_MEMORY, "memory.usage_in_bytes", NULL, 1 },
		[FIGURE_OOM_KILLS] = { CONTROLLER_MEMORY, "memory.oom_control", "oom_kill", 1 },
		[FIGURE_PIDS_NOW] = { CONTROLLER_PIDS, "pids.current", NULL, 1 },
		[FIGURE_PIDS_PEAK] = { CONTROLLER_PIDS, "pids.peak", NULL, 1 },
		[FIGURE_PIDS_REFUSED] = { CONTROLLER_PIDS, "pids.events", "max", 1 },
	},
	[FRAME_CGROUP_JOB_V2] = {
		[FIGURE_CPU_US] = { CONTROLLER_CPU, "cpu.stat", "usage_usec", 1 },
		[FIGURE_MEMORY_PEAK] = { CONTROLLER_MEMORY, "memory.peak", NULL, 1 },
		[FIGURE_MEMORY_NOW] = { CONTROLLER_MEMORY, "memory.current", NULL, 1 },
		[FIGURE_OOM_KILLS] = { CONTROLLER_MEMORY, "memory.events", "oom_kill", 1 },
		[FIGURE_PIDS_NOW] = { CONTROLLER_PIDS, "pids.current", NULL, 1 },
		[FIGURE_PIDS_PEAK] = { CONTROLLER_PIDS, "pids.peak", NULL, 1 },
		[FIGURE_PIDS_REFUSED] = { CONTROLLER_PIDS, "pids.events", "max", 1 },
	},
};

struct meter meter_open(enum frame_cgroup kind, const int dirs[CONTROLLER_MAX_], bool job)
{
	struct meter meter = METER_NONE;

	meter.kind = kind;
	for (int i = 0; i < FIGURE_MAX_; i++) {
		const struct source *source = &sources[kind][i];

		/* What is used now is asked for only where the kernel keeps no peak. */
		if (i == FIGURE_MEMORY_NOW && meter.fd[FIGURE_MEMORY_PEAK] >= 0 && job)
			continue;
		if (dirs[source->controller] >= 0)
			meter.fd[i] = openat(dirs[source->controller], source->file,
				O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	return meter;
}

/* The number after `key` at the start of a line; NULL when there is no such line. */
static const char *after_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n' ? 1 : 0;
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return line + n + 1;
	}
	return NULL;
}

int64_t meter_read(const struct meter *meter, enum figure figure)
{
	const struct source *source = &sources[meter->kind][figure];
	const char *number;
	char text[2048], *end;
	long long value;
	ssize_t n;

	if (meter->fd[figure] < 0)
		return -1;
	n = pread(meter->fd[figure], text, sizeof(text) - 1, 0);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	number = source->key == NULL ? text : after_key(text, source->key);
	if (number == NULL || !isdigit((unsigned char)number[0]))
		return -1;
	errno = 0;
	value = strtoll(number, &end, 10);
	return errno != 0 ? -1 : value / source->divisor;
}

void meter_close(struct meter *meter)
{
	for (int i = 0; i < FIGURE_MAX_; i++)
		if (meter->fd[i] >= 0)
			(void)close(meter->fd[i]);
	*meter = METER_NONE;
}
