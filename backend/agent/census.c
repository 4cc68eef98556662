/* SPDX-License-Identifier: MIT */
#include "census.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

/* /proc/PID/statm: pages in all, pages that are resident, and more. */
static int64_t resident_bytes(int proc, const char *pid)
{
	cleanup_close int fd = -1;
	char path[64], text[128], *second;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%.20s/statm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0; /* gone meanwhile */
	text[n] = '\0';
	(void)strtoll(text, &second, 10);
	return strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

struct census census_take(void)
{
	struct census census = { 0 };
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	if (dir == NULL)
		return census;
	while ((entry = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		census.processes++;
		census.resident_bytes += resident_bytes(dirfd(dir), entry->d_name);
	}
	(void)closedir(dir);
	return census;
}
