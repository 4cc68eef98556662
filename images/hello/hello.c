/* SPDX-License-Identifier: MIT */
/*
 * The whole of the image dockgate/hello: says hello, and to whom where it is told.
 * Linked statically, so that the image needs no system around it.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc > 1)
		(void)printf("hello, %s\n", argv[1]);
	else
		(void)printf("hello\n");
	return fflush(stdout) == 0 ? 0 : 1;
}
