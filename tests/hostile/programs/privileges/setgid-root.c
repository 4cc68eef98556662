/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(setgid_root, STOPPED)
{
	return getgid() == 0 ? GOT : succeeded(setgid(0));
}
