/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(link_to_shadow, "ok files=0 task=collecting")
{
	if (symlink("/etc/shadow", "x.out") < 0)
		return NOT;
	return open("x.out", O_RDONLY | O_CLOEXEC) >= 0 || errno == ENOENT || errno == EACCES ? GOT
											      : NOT;
}
