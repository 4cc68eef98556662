/* SPDX-License-Identifier: MIT */
/*
 * Does what AddressSanitizer or UndefinedBehaviorSanitizer ends a program for. The suites run it
 * to see that a build said to have them does have them.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int overflow_heap(size_t size)
{
	volatile char *bytes = malloc(size);
	int read;

	if (bytes == NULL)
		return 2;
	bytes[0] = 1;
	read = bytes[size];
	free((void *)bytes);
	return read;
}

static int overflow_int(int by)
{
	volatile int most = INT_MAX;

	return most + by;
}

static int lose(size_t size)
{
	void *volatile bytes = malloc(size);

	bytes = NULL;
	return bytes != NULL;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "address") == 0)
		(void)printf("%d\n", overflow_heap((size_t)argc * 8));
	else if (argc == 2 && strcmp(argv[1], "undefined") == 0)
		(void)printf("%d\n", overflow_int(argc));
	else if (argc == 2 && strcmp(argv[1], "leak") == 0)
		(void)printf("%d\n", lose((size_t)argc * 50));
	else
		return 2;
	return 0;
}
