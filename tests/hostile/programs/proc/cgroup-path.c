/* SPDX-License-Identifier: MIT */
/* Where in the host's tree of cgroups it stands: the container's long name is part of that. */
#include "hostile.h"

static size_t longest_number(const char *text)
{
	size_t longest = 0;

	while (*text != '\0') {
		size_t n = strspn(text, "0123456789abcdef");

		longest = n > longest ? n : longest;
		text += n > 0 ? n : 1;
	}
	return longest;
}

HOSTILE(cgroup_path, STOPPED " uncaged=no")
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (longest_number(line) >= 64)
			return GOT;
	return stopped("its own tree");
}
