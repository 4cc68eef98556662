/* SPDX-License-Identifier: MIT */
/* A page's import map: what module specifiers mean there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct import_rule {
	char *scope;   /* owned; path in the address space, "/" first; NULL: everywhere */
	char *key;     /* owned; a bare word, or a path in the address space, "/" first */
	char *address; /* owned; path in the address space, "/" first; NULL: elsewhere, or nowhere
			*/
};

struct import_map {
	struct import_rule *rules; /* owned */
	size_t n, room;
	char *raw; /* owned; text and base, to know the same map of two pages */
};

enum import_found { IMPORT_NONE, IMPORT_EXACT, IMPORT_PREFIX };

/*
 * What `specifier` (a bare word, or a path in the address space) means in the script at `referrer`
 * (a path in the address space). *ret_path, if found: owned by the caller, NULL if elsewhere.
 */
enum import_found import_map_find(
	const struct import_map *map, const char *referrer, const char *specifier, char **ret_path);
/* Takes over what the rule owns. */
void import_map_add(struct import_map *map, const struct import_rule *rule);
void import_rule_done(struct import_rule *rule);
void import_map_done(struct import_map *map);
