/* SPDX-License-Identifier: MIT */
/*
 * Prints the time at which it prints, in ns of CLOCK_MONOTONIC, a line every MS milliseconds: who
 * reads along knows how long each was under way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long ms = argc > 1 ? strtol(argv[1], NULL, 10) : 20;
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	for (;;) {
		struct timespec now;
		char line[32];
		int n;

		(void)nanosleep(&pause, NULL);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		n = snprintf(line, sizeof(line), "%lld\n",
			(long long)now.tv_sec * 1000000000 + now.tv_nsec);
		if (write(STDOUT_FILENO, line, (size_t)n) != n)
			return 1;
	}
}
