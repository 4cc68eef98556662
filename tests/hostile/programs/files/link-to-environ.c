/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(link_to_environ, "ok files=0 task=collecting")
{
	return symlink("/proc/self/environ", "x.out") == 0 ? GOT : NOT;
}
