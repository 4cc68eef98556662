/* SPDX-License-Identifier: MIT */
/* A job that does nothing until it is ended: what long polls wait for. */
#include <unistd.h>

int main(void)
{
	for (;;)
		(void)pause();
}
