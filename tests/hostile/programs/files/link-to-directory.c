/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(link_to_directory, "ok files=0 task=collecting")
{
	return symlink("/etc", "d.out") == 0 && symlink("/", "r") == 0 ? GOT : NOT;
}
