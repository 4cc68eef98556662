/* SPDX-License-Identifier: MIT */
/*
 * Globs of COLLECT against names relative to the workspace, byte by byte:
 *
 *	?       one byte, not '/'
 *	*       any bytes but '/'
 *	**      any bytes; a "**" and slash also stands for nothing: "**" "/x" matches "x"
 *	[a-z]   one byte of the set, [!a-z] or [^a-z] one not in it, never '/'
 *	\x      x itself
 *
 * A dot at the start is nothing special. Time is bounded by the product of the
 * two lengths, whatever the pattern.
 */
#pragma once

#include <stdbool.h>

#define GLOB_MAX 1024 /* bytes; a longer pattern matches nothing */

bool glob_match(const char *pattern, const char *name);
/* Whether a name below that directory could match. */
bool glob_match_below(const char *pattern, const char *directory);
