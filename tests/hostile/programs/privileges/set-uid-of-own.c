/* SPDX-License-Identifier: MIT */
/* A file of its own with the bit stays its own. */
#include "hostile.h"

HOSTILE(set_uid_of_own, STOPPED)
{
	struct stat st;

	if (make_file("mine", "x", 1) < 0)
		return stopped("no file");
	if (chown("mine", 0, 0) == 0 && chmod("mine", 06755) == 0 && stat("mine", &st) == 0 &&
		(st.st_mode & S_ISUID) != 0 && st.st_uid == 0)
		return GOT;
	return stopped(strerror(errno));
}
