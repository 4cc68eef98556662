/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(vfork_hang, "wall_time_limit limit=wall_ms uncaged=no")
{
	if (vfork() == 0)
		for (;;)
			(void)pause();
	return GOT;
}
