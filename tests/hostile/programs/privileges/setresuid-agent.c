/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(setresuid_agent, STOPPED)
{
	if (getuid() == 0)
		return GOT;
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ? GOT : succeeded(setresuid(0, 0, 0));
}
