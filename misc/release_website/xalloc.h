/* SPDX-License-Identifier: MIT */
/*
 * Memory for a tool that reads a site, writes another and ends. Where there is none left, these say
 * so and exit with status 1; what was staged is removed at exit (output.h), DST stays as it was.
 */
#pragma once

#include <stddef.h>

void *xalloc(size_t n) __attribute__((__malloc__, __returns_nonnull__));
/* Room for `n` elements of `size` bytes; grows geometrically, *room is the count that fits. */
void *xgrow(void *p, size_t *room, size_t n, size_t size) __attribute__((__returns_nonnull__));
/* A copy of n bytes, ended with NUL. */
char *xdup(const char *s, size_t n) __attribute__((__malloc__, __returns_nonnull__));
char *xprintf(const char *fmt, ...)
	__attribute__((__format__(__printf__, 1, 2), __malloc__, __returns_nonnull__));
