/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(name_of_the_agent, "nonzero_exit exit=9 uncaged=no")
{
	(void)prctl(PR_SET_NAME, "agent", 0, 0, 0);
	return 9;
}
