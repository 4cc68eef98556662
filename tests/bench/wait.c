/* SPDX-License-Identifier: MIT */
/* A job that does nothing for so many milliseconds, or until it is ended: `wait [MS]`. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	if (ms > 0) {
		while (nanosleep(&left, &left) != 0)
			continue;
		return 0;
	}
	for (;;)
		(void)pause();
}
