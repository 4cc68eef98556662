/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(link_to_agent, "ok files=0 task=collecting")
{
	return symlink("/dockgate/agent", "x.out") == 0 ? GOT : NOT;
}
