/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(hard_link_to_binary, "ok files=0 task=collecting uncaged=no")
{
	return link("/hostile", "x.out") == 0 ? NOT : GOT;
}
