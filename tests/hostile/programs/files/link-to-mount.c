/* SPDX-License-Identifier: MIT */
/* A link to what the job may read, and has not made. */
#include "hostile.h"

HOSTILE(link_to_mount, "ok files=0 task=collecting")
{
	return symlink("/data/open", "x.out") == 0 ? GOT : NOT;
}
