/* SPDX-License-Identifier: MIT */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Closes what open_memstream(3) opened, in place of fclose(3), which says nothing where memory
 * was lacking for some of the text or at the end: then -ENOMEM, and *text is NULL.
 */
static inline int memstream_close(FILE *f, char **text)
{
	int cut = ferror(f);

	if (fclose(f) == 0 && cut == 0 && *text != NULL)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}
