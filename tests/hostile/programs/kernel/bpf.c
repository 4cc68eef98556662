/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(bpf, STOPPED)
{
	return reached(syscall(SYS_bpf, 0, NULL, 0));
}
