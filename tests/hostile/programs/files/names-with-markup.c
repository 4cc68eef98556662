/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(names_with_markup, "ok files=2 task=collecting")
{
	return make_file("<img src=x onerror=alert(1)>.out", "x", 1) == 0 &&
			       make_file("\"';DROP TABLE job;--.out", "x", 1) == 0
		       ? GOT
		       : NOT;
}
