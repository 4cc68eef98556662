/* SPDX-License-Identifier: MIT */
/*
 * The jobs that move many bytes:
 *
 *	bulk out BYTES		writes them to stdout
 *	bulk make NAME BYTES	writes them to a file
 *	bulk size NAME		says how large a file is
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "figures.h"

static void write_bytes(int fd, long bytes)
{
	static const char line[] =
		"every line of it has sixty-four characters, as have all others\n";
	static char chunk[65536];

	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = line[i % (sizeof(line) - 1)];
	while (bytes > 0) {
		size_t want = bytes < (long)sizeof(chunk) ? (size_t)bytes : sizeof(chunk);
		ssize_t n = write(fd, chunk, want);

		if (n <= 0)
			err(1, "write");
		bytes -= n;
	}
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc == 3 && strcmp(argv[1], "out") == 0) {
		write_bytes(STDOUT_FILENO, figures_number(argv[2], "BYTES", 0, 1L << 40));
	} else if (argc == 4 && strcmp(argv[1], "make") == 0) {
		int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		if (fd < 0)
			err(1, "%s", argv[2]);
		write_bytes(fd, figures_number(argv[3], "BYTES", 0, 1L << 40));
	} else if (argc == 3 && strcmp(argv[1], "size") == 0) {
		if (stat(argv[2], &st) < 0)
			err(1, "%s", argv[2]);
		(void)printf("%lld\n", (long long)st.st_size);
	} else {
		errx(2, "usage: bulk out BYTES | make NAME BYTES | size NAME");
	}
	return 0;
}
