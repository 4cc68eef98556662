/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(directory_of_that_name, "ok files=0 task=collecting")
{
	return mkdir("x.out", 0755) == 0 ? GOT : NOT;
}
