/* SPDX-License-Identifier: MIT */
/* What tells of the host, each where a file or a directory of that name can be read. */
#include "hostile.h"

#include <dirent.h>

#include "wire/proc_masks.h"

static const char *const of_sys[] = { "class/dmi", "devices/virtual/dmi",
	"devices/virtual/powercap", "firmware", "kernel" };

static bool holds(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry = NULL;
	char byte;
	int fd;

	if (dir != NULL) {
		while ((entry = readdir(dir)) != NULL && entry->d_name[0] == '.')
			;
		(void)closedir(dir);
		return entry != NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && read(fd, &byte, 1) == 1;
}

static int look(const char *where, const char *const *names, size_t n)
{
	char path[80];
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "/%s/%s", where, names[i]);
		if (!holds(path))
			continue;
		(void)printf("%s\n", path);
		found++;
	}
	return found;
}

HOSTILE(covered, STOPPED)
{
	int found = look("proc", proc_masks, PROC_MASKS) +
		    look("sys", of_sys, sizeof(of_sys) / sizeof(of_sys[0]));

	return found > 0 ? GOT : stopped("all of it");
}
