/* SPDX-License-Identifier: MIT */
/* Without that flag a set-uid program would be another user's. */
#include "hostile.h"

HOSTILE(new_privileges, STOPPED)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? stopped("no new privileges") : GOT;
}
