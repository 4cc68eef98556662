/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(kexec, STOPPED " uncaged=no")
{
	return reached(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL));
}
