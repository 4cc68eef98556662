/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(cpu_burn, "cpu_time_limit limit=cpu_ms task=burning")
{
	burn(4000);
	return GOT;
}
