/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <dirent.h>

HOSTILE(processes_of_the_host, STOPPED " uncaged=no")
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int seen = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL)
		seen += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	return seen > 16 ? GOT : stopped("few");
}
