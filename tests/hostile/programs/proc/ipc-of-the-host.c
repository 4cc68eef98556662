/* SPDX-License-Identifier: MIT */
/* A segment of shared memory that the runner has. */
#include "hostile.h"

HOSTILE(ipc_of_the_host, STOPPED " uncaged=no")
{
	FILE *file = fopen("/proc/sysvipc/shm", "re");
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strtoul(line, NULL, 10) == 0x646f636b)
			return GOT;
	return stopped("not to be seen");
}
