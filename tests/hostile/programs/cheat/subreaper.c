/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(subreaper, "nonzero_exit exit=9 uncaged=no")
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (fork() == 0) {
		if (fork() == 0)
			(void)pause();
		_exit(0);
	}
	return 9;
}
