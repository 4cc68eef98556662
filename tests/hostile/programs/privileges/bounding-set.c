/* SPDX-License-Identifier: MIT */
/* Rights that a set-uid program could have, where all of the container's users are mapped. */
#include "hostile.h"

#define AGENTS UINT64_C(0xe0) /* SETUID, SETGID, KILL */

static bool all_users(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	char line[80] = "";

	return map != NULL && fgets(line, sizeof(line), map) != NULL &&
	       strstr(line, " 4294967295") != NULL;
}

HOSTILE(bounding_set, STOPPED)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t set = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "CapBnd:", 7) == 0)
			set = strtoull(line + 7, NULL, 16);
	if (!all_users())
		return stopped("rights in a user namespace without root");
	return (set & ~AGENTS) != 0 ? GOT : stopped("the agent's");
}
