/* SPDX-License-Identifier: MIT */
/* Where the kernel is. */
#include "hostile.h"

HOSTILE(kallsyms_addresses, STOPPED)
{
	char line[256];
	FILE *f = fopen("/proc/kallsyms", "re");
	bool any = false;

	while (!any && f != NULL && fgets(line, sizeof(line), f) != NULL)
		any = strspn(line, "0") < 16;
	return any ? GOT : stopped("zeros, or none");
}
