/* SPDX-License-Identifier: MIT */
/* The workspace is the job's own, and nobody else's. */
#include "hostile.h"

HOSTILE(others_workspace, STOPPED)
{
	struct stat st;

	if (stat(".", &st) < 0 || st.st_uid != getuid() || (st.st_mode & 0777) != 0700)
		return GOT;
	return stopped("its own");
}
