/* SPDX-License-Identifier: MIT */
/* Another interface than the loopback one. */
#include "hostile.h"

HOSTILE(interfaces, STOPPED)
{
	char line[256];
	FILE *f = fopen("/proc/net/dev", "re");
	int others = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		others += strchr(line, ':') != NULL && strstr(line, " lo:") == NULL;
	return others > 0 ? GOT : stopped("none");
}
