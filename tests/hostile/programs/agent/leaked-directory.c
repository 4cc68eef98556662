/* SPDX-License-Identifier: MIT */
/* A working directory that is not the workspace is somebody else's. */
#include "hostile.h"

HOSTILE(leaked_directory, STOPPED)
{
	char cwd[4096] = "";

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return GOT;
	return strcmp(cwd, "/workspace") != 0 ? GOT : stopped(cwd);
}
