/* SPDX-License-Identifier: MIT */
/* Time that wait4(2) tells nobody of. */
#include "hostile.h"

HOSTILE(orphan_burns_cpu, "cpu_time_limit limit=cpu_ms task=burning uncaged=no")
{
	int ends[2];
	char byte;

	if (pipe(ends) < 0)
		return NOT;
	if (fork() == 0) {
		if (fork() == 0) {
			burn(4000);
			_exit(0);
		}
		_exit(0);
	}
	(void)close(ends[1]);
	(void)wait(NULL);
	return read(ends[0], &byte, 1) <= 0 ? GOT : NOT;
}
