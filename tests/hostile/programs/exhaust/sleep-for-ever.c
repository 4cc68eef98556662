/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(sleep_for_ever, "wall_time_limit limit=wall_ms uncaged=no")
{
	wait_for_ever();
}
