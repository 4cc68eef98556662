/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <ctype.h>

HOSTILE(capabilities, STOPPED)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	bool any = false;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapEff:", 7) == 0 ||
			strncmp(line, "CapInh:", 7) == 0 || strncmp(line, "CapAmb:", 7) == 0)
			any = any || strspn(line + 7, "0\t\n") != strlen(line + 7);
	return status == NULL || any ? GOT : stopped("none");
}
