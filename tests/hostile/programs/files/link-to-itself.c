/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(link_to_itself, "ok files=0 task=collecting")
{
	return symlink("x.out", "x.out") == 0 ? GOT : NOT;
}
