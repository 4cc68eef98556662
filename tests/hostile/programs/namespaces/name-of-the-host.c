/* SPDX-License-Identifier: MIT */
/* The name that the machine, or the container, has for others. */
#include "hostile.h"

HOSTILE(name_of_the_host, STOPPED)
{
	char name[65] = "";

	if (gethostname(name, sizeof(name)) < 0)
		return stopped(strerror(errno));
	return strcmp(name, "job") == 0 ? stopped("every job has this one") : GOT;
}
