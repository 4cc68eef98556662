/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(ptrace_seize, STOPPED)
{
	return reached(ptrace(PTRACE_SEIZE, 1, NULL, NULL));
}
