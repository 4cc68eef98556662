/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(move_pages_1, STOPPED)
{
	int status = 0;
	void *page = NULL;

	return reached(syscall(SYS_move_pages, 1, 1, &page, NULL, &status, 0));
}
