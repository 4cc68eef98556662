/* SPDX-License-Identifier: MIT */
#include "json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static bool no_memory;

static void *noting_malloc(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		no_memory = true;
	return p;
}

int json_read(const void *text, size_t n, size_t flags, json_t **ret, json_error_t *why)
{
	json_t *root;

	/* What was taken before by malloc(3) itself is released all the same. */
	json_set_alloc_funcs(noting_malloc, free);
	no_memory = false;
	root = json_loadb(text == NULL ? "" : text, n, flags, why);
	if (root == NULL)
		return no_memory ? -ENOMEM : -EINVAL;
	*ret = root;
	return 0;
}
